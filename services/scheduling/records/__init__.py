"""What travels between edge, rules and store."""
