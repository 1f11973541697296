"""Appointments that cannot collide."""
