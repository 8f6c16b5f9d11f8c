"""The practice system: a small shop of real processes on loopback, with a fault that is injected by mechanism."""
