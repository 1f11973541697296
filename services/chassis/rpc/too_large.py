"""What was too large for gRPC to send or to take: a fault between us and a peer, not an outage."""

from typing import Final

import grpc

# gRPC's own words; it says the same code, RESOURCE_EXHAUSTED, for a server that sheds load.
# Metadata is what headers and trailers hold, statuses with their details among it.
_SIGNS: Final = ("message larger than max", "metadata size exceeds")


def is_too_large(error: grpc.aio.AioRpcError) -> bool:
    """Whether the call failed because its message, its answer or their metadata were too large."""
    text = error.details() or ""
    is_bound = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    return is_bound and any(sign in text for sign in _SIGNS)
