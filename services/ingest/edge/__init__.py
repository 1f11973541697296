"""Ingest's gRPC edge: one file a resource, each handler parses, calls, answers."""
