"""The edge: one Envoy in front of all services, its configuration made from a dataclass."""
