"""The incident's record: what was seen, done and decided, by whom and when; append-only and never edited."""
