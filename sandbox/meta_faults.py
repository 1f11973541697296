"""Faults that the Graph emulator can be made to show, and the error bodies of the platform."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import msgspec


class ErrorFault(msgspec.Struct, frozen=True, kw_only=True, tag="error", tag_field="fault"):
    """Answers an error of the platform."""

    status: int = 500
    code: int = 2
    subcode: int | None = None
    kind: str = "OAuthException"
    message: str = "An unexpected error has occurred. Please retry your request later."
    transient: bool | None = None


class RateLimitFault(
    msgspec.Struct, frozen=True, kw_only=True, tag="rate_limit", tag_field="fault"
):
    """Answers 80005, and the usage header says in how many minutes access comes back."""

    minutes: int = 10


class DelayFault(msgspec.Struct, frozen=True, kw_only=True, tag="delay", tag_field="fault"):
    """Keeps the call waiting until it is released, then answers as usual."""


class ResetFault(msgspec.Struct, frozen=True, kw_only=True, tag="reset", tag_field="fault"):
    """Resets the connection instead of answering."""


GraphFault = ErrorFault | RateLimitFault | DelayFault | ResetFault


class FaultOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next `times` calls for `id` meet `is`; `id` `*` means a call for any id."""

    id: str = "*"
    times: int = 1
    what: GraphFault = msgspec.field(name="is")


@dataclass(slots=True)
class _Pending:
    id: str
    left: int
    what: GraphFault


@dataclass(slots=True)
class FaultPlan:
    """The faults ordered and not shown yet."""

    _pending: list[_Pending] = field(default_factory=list)

    def order(self, order: FaultOrder) -> None:
        """Adds to what was ordered before."""
        self._pending.append(_Pending(order.id, order.times, order.what))

    def clear(self) -> None:
        """From now on all goes well."""
        self._pending.clear()

    def take(self, object_id: str) -> GraphFault | None:
        """The fault that this call meets; each is taken once."""
        for pending in self._pending:
            if pending.left > 0 and pending.id in ("*", object_id):
                pending.left -= 1
                return pending.what
        return None


def fbtrace_id() -> str:
    """An id in the platform's shape."""
    return "A" + secrets.token_urlsafe(16)


def error_body(
    code: int,
    message: str,
    *,
    kind: str = "OAuthException",
    subcode: int | None = None,
    transient: bool | None = None,
) -> dict[str, Any]:
    """An error answer in the platform's shape."""
    error: dict[str, Any] = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    if transient is not None:
        error["is_transient"] = transient
    return {"error": {**error, "fbtrace_id": fbtrace_id()}}
