"""The vocabulary: frozen values that sources produce, analysis reasons about and widgets show. Imports nothing of ours."""
