"""The practice system."""
