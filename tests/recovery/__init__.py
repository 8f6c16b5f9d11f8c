"""Whether incidents are over: made-up systems of which the truth is known."""
