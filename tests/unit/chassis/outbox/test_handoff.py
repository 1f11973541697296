"""A handoff: a batch in one call, and each of its results by the item that it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from services.chassis.outbox.handoff import handing_over
from services.chassis.outbox.relay import Answer
from services.chassis.outbox.store import OutboxItem
from services.chassis.trace import new_root


def an_item() -> OutboxItem:
    """A row as the relay claims it."""
    now = datetime(2027, 1, 4, 12, tzinfo=UTC)
    return OutboxItem(
        org_id=uuid4(),
        outbox_id=uuid4(),
        subject_id=uuid4(),
        payload={},
        attempts=1,
        enqueued_at=now,
        due_at=now,
        trace=new_root(),
    )


async def test_each_item_is_answered_by_its_result_wherever_that_stands() -> None:
    items = [an_item() for _ in range(3)]
    taken, refused, _ = items
    calls: list[tuple[list[str], float]] = []

    def request_of(items: Sequence[OutboxItem]) -> list[str]:
        return [str(item.subject_id) for item in items]

    # The third is forgotten: the relay tries it again.
    async def call(request: list[str], /, *, timeout: float) -> Any:  # noqa: ASYNC109
        calls.append((request, timeout))
        results = [
            SimpleNamespace(thing_id=str(refused.subject_id), outcome="refused", reason="BAD"),
            SimpleNamespace(thing_id=str(taken.subject_id), outcome="accepted", reason=""),
        ]
        return SimpleNamespace(results=results)

    send = handing_over(call, request_of, result_id="thing_id", timeout_seconds=3)
    assert await send(items) == {
        taken.subject_id: Answer(accepted=True),
        refused.subject_id: Answer(accepted=False, reason="BAD"),
    }
    assert calls == [(request_of(items), 3)]
