"""Stored functions by subject."""
