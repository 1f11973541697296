"""The gRPC edge, one module for each resource: parse, call, answer."""
