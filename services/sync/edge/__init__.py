"""Sync's gRPC edge: parses, calls, answers."""
