"""Builds the configured sources and gathers what they know into `Observations`: the one path for screen, headless and replay."""
