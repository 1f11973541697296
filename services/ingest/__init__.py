"""Where leads and messages come in: webhooks, callers, and later files."""
