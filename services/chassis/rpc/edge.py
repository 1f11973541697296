"""What the edge tells a service of a call, in a header that no caller can set through it."""

from collections.abc import Mapping
from typing import Any, Final

EDGE_MARK: Final = "x-waybill-edge"
"""Metadata of each call that came through the edge; its value says in which form it came."""
FROM_GRPC: Final = "grpc"
FROM_JSON: Final = "json"


def came_from_outside(metadata: Mapping[str, Any]) -> bool:
    """Whether the call came through the edge, and not from another service."""
    return EDGE_MARK in metadata


def came_as_json(metadata: Mapping[str, Any]) -> bool:
    """Whether the caller sent JSON and reads JSON, in which fields have other names."""
    return metadata.get(EDGE_MARK) == FROM_JSON
