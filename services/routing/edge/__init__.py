"""The gRPC edge: parses, calls, answers. Only here and in `__main__` is gRPC known."""
