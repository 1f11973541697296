"""Rows of the outbox, here in ingest's schema, and claims of them."""

from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.outbox.store import OutboxItem, OutboxStore
from services.chassis.trace import new_root

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def an_item(
    admin: Admin, *, topic: str = "next", due_at: datetime = NOW, org_id: UUID | None = None
) -> UUID:
    """A pending row; answers its subject's id."""
    trace, subject_id = new_root(), uuid4()
    await admin.execute(
        """insert into ingest.outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at,
           due_at, trace_id, traceparent) values ($1, $2, $3, $4, '{}', $5, $5, $6, $7)""",
        org_id or uuid4(), new_id(), topic, subject_id, due_at, trace.trace_id, trace.traceparent,
    )  # fmt: skip
    return subject_id


async def claim(
    database: Database, now: datetime, *, token: UUID | None = None, limit: int = 10
) -> list[UUID]:
    rows = await database.rows(
        "claim_outbox",
        p_topic="next",
        p_token=token or new_id(),
        p_limit=limit,
        p_lease_seconds=30.0,
        p_now=now,
    )
    return [row["subject_id"] for row in rows]


async def claimed(database: Database, token: UUID) -> list[OutboxItem]:
    return await OutboxStore(database).claim_outbox(
        topic="next", token=token, limit=10, lease_seconds=30
    )
