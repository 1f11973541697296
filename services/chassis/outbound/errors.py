"""What can become of an outbound request that got no whole answer.

`reached` is what bookkeeping needs: False when certainly no byte of the request left, so that the
peer cannot have acted on it; True when it may have, and the outcome is unknown, never guessed.
Messages hold the host, never path, query, headers or body.
"""

from enum import StrEnum


class RefusedBecause(StrEnum):
    """Why a URL or the address behind it may not be called; the value is fit for logs and SQL."""

    MALFORMED = "malformed"
    SCHEME = "scheme"
    USERINFO = "userinfo"
    FRAGMENT = "fragment"
    HOST = "host"
    TRAILING_DOT = "trailing_dot"
    ODD_ADDRESS = "odd_address"
    ZONE_ID = "zone_id"
    PORT = "port"
    ADDRESS = "address"


class OutboundError(Exception):
    """An outbound request without a whole answer. `status`: the answer had begun with it."""

    def __init__(self, message: str, *, reached: bool, status: int | None = None) -> None:
        super().__init__(message)
        self.reached = reached
        self.status = status


class UrlRefused(OutboundError):
    """The policy forbids the URL, or an address its host resolves to. Nothing was sent."""

    def __init__(self, reason: RefusedBecause, message: str) -> None:
        super().__init__(message, reached=False)
        self.reason = reason


class ConnectFailed(OutboundError):
    """No connection, or it broke before the whole answer was here (`reached` tells which)."""


class OutboundTimedOut(OutboundError):
    """A limit of the policy passed: DNS, connect (TLS included) or the whole exchange."""


class ResponseTooLarge(OutboundError):
    """The answer's headers exceed the policy's limits. Large bodies are cut off instead."""
