"""Bringing a lead to its buyer, once, for one credit."""
