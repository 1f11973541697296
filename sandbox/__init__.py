"""Peers that behave like the real ones: Meta's platform, buyers, calendars, faulty lines."""
