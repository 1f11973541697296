"""The gRPC edge: parses, calls, answers."""
