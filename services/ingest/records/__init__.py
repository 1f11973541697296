"""What travels between ingest's edge, rules and store, by what it is about."""
