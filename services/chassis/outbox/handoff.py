"""A handoff to another service: outbox rows in one RPC, its results as the relay takes them.

The receiver answers with one result for each item: which item it is, whether it was accepted, and
if not, the reason.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from services.chassis.outbox.relay import HandoffResult, Send
from services.chassis.outbox.store import OutboxItem

_ACCEPTED: Final = "accepted"
Request = TypeVar("Request", contravariant=True)


class HandoffRpc(Protocol[Request]):
    """An RPC of the receiver's stub; its answer has `results`."""

    def __call__(self, request: Request, /, *, timeout: float) -> Awaitable[Any]:
        """Calls it."""


def handing_over(
    call: HandoffRpc[Request],
    request_of: Callable[[Sequence[OutboxItem]], Request],
    *,
    result_id: str,
    timeout_seconds: float,
) -> Send:
    """Sends a batch; `result_id` names the field of a result that holds the item's subject."""

    async def send(items: Sequence[OutboxItem]) -> Mapping[UUID, HandoffResult]:
        response = await call(request_of(items), timeout=timeout_seconds)
        return {
            UUID(getattr(result, result_id)): HandoffResult(
                accepted=result.outcome == _ACCEPTED, reason=result.reason
            )
            for result in response.results
        }

    return send
