"""What travels between sync's edge, rules and store."""
