"""Pure analysis: domain values in, domain values out. Time, thresholds and randomness come in as arguments."""
