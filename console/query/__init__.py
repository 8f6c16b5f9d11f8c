"""The log query language: text to AST, and the AST evaluated on records."""
