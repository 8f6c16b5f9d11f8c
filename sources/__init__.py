"""The outside: every module here reads one kind of system, read-only and within a budget, and returns domain values."""
