"""What keeps the program harmless: sanitising, redaction, budgets, policy, audit. Pure, apart from the files of audit and ledger."""
