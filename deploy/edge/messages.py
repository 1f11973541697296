"""Envoy's messages as plain JSON.

Envoy reads JSON where it reads YAML, so a configuration is a plain dict. Field names and meanings
throughout this folder: Envoy 1.40, api-v3 reference.
"""

from typing import Any

Json = dict[str, Any]


def typed(type_name: str, **fields: object) -> Json:
    """A message of Envoy's inside an Any: `@type` and its fields."""
    return {"@type": f"type.googleapis.com/{type_name}", **fields}


def seconds(value: float) -> str:
    """A protobuf Duration in JSON."""
    return f"{value:g}s"
