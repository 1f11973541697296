"""The local machinery: embedded PostgreSQL, child processes and ports of one machine."""
