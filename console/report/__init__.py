"""Documents made of finished answers: JSON, plain text."""
