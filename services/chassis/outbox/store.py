"""The outbox: rows that ask for the next step, written in the transaction that did the last one.

A relay claims a batch, sends one RPC and settles each item by the answer it got. Delivery is at
least once; the receiver makes the effect exactly once by a unique key on the subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from services.chassis.database import Database
from services.chassis.trace import TraceContext, trace_of_row

Outcome = Literal["sent", "refused", "retry", "deferred", "returned"]
SENT: Final = "sent"
REFUSED: Final = "refused"
RETRY: Final = "retry"
DEFERRED: Final = "deferred"
RETURNED: Final = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One claimed row; `subject_id` is the natural key that the receiver answers by."""

    org_id: UUID
    outbox_id: UUID
    subject_id: UUID
    payload: dict[str, Any]
    attempts: int
    enqueued_at: datetime
    due_at: datetime
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of a claimed row; a retry says in how many seconds."""

    item: OutboxItem
    outcome: Outcome
    error: str | None = None
    retry_after_seconds: float = 0


class OutboxStore:
    """The outbox of one schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim_outbox(
        self,
        *,
        topic: str,
        token: UUID,
        limit: int,
        lease_seconds: float,
        due_from: datetime | None = None,
    ) -> list[OutboxItem]:
        """Claims due rows of one topic, oldest first, for `lease_seconds`."""
        rows = await self._database.rows(
            "claim_outbox",
            p_topic=topic,
            p_token=token,
            p_limit=limit,
            p_lease_seconds=lease_seconds,
            p_due_from=due_from,
        )
        return [_to_item(row) for row in rows]

    async def settle_outbox(self, token: UUID, settlements: Sequence[Settlement]) -> int:
        """Settles claimed rows; those whose lease was lost stay as they are and are not counted."""
        settled: int = await self._database.value(
            "settle_outbox",
            p_org_ids=[settlement.item.org_id for settlement in settlements],
            p_outbox_ids=[settlement.item.outbox_id for settlement in settlements],
            p_token=token,
            p_outcomes=[settlement.outcome for settlement in settlements],
            p_errors=[settlement.error for settlement in settlements],
            p_retry_after_seconds=[settlement.retry_after_seconds for settlement in settlements],
        )
        return settled


def _to_item(row: Any) -> OutboxItem:
    return OutboxItem(
        org_id=row["org_id"],
        outbox_id=row["outbox_id"],
        subject_id=row["subject_id"],
        payload=row["payload"],
        attempts=row["attempts"],
        enqueued_at=row["enqueued_at"],
        due_at=row["due_at"],
        trace=trace_of_row(row),
    )
