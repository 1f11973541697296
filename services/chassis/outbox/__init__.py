"""The outbox: rows that ask another service for the next step, and the relay that sends them."""
