"""Configuration: strict frozen models, and loading with errors that name file, key and the nearest valid key."""
