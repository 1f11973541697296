"""Page conversations, in sync with Meta: pulled, reported by webhooks, stored once."""
