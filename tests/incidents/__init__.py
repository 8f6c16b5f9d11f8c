"""Incidents made up by mechanism, seeded: what a diagnosis is judged on that nobody tuned it to."""
