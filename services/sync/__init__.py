"""Page conversations, kept in sync with Meta: pulled, told by webhooks, stored once."""
