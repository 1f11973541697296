"""Routing's stored functions, one method each."""
