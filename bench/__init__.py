"""Figures: how fast, how late and at what cost, measured on this machine by `make bench`."""
