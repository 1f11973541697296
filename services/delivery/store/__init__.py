"""Delivery's stored functions, one method for each."""
