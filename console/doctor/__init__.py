"""What `incident doctor` looks at: terminal, clock, permissions, git, configuration and every source. Findings, no printing."""
