"""What keeps the program harmless: sanitising, redaction, budgets, policy, audit. Pure, apart from the audit's own file."""
