"""A relay keeps the order of age and the tenants apart; an item it cannot send fails alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest

from services.chassis.database import Database
from services.chassis.outbox.relay import HandoffResult, Relay, RelayPolicy, parts_of
from services.chassis.outbox.store import OutboxItem, OutboxStore
from services.chassis.trace import new_root

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
TOPIC = "test.topic"
INSERT = """
insert into ingest.outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
  trace_id, traceparent)
values ($1, $2, $3, $4, '{}', now() - make_interval(secs => $5), now(), $6, $7)"""


async def enqueue(admin: Admin, count: int) -> list[UUID]:
    """So many items, the oldest first; answers their subjects."""
    org_id = uuid4()
    subjects = [uuid4() for _ in range(count)]
    for place, subject in enumerate(subjects):
        trace = new_root()
        await admin.execute(
            INSERT,
            org_id,
            uuid4(),
            TOPIC,
            subject,
            float(count - place),
            trace.trace_id,
            trace.traceparent,
        )
    return subjects


def a_fault(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details="")


class Receiver:
    """Takes everything but what is poison; `away` is what it fails with meanwhile."""

    def __init__(self, *, poison: UUID | None = None, fault: Exception | None = None) -> None:
        self.poison = poison
        self.fault = fault
        self.away: grpc.StatusCode | None = None
        self.taken: list[UUID] = []

    async def take(self, items: Sequence[OutboxItem]) -> Mapping[UUID, HandoffResult]:
        subjects = [item.subject_id for item in items]
        if self.away is not None:
            raise a_fault(self.away)
        if self.poison in subjects and self.fault is not None:
            raise self.fault
        self.taken += subjects
        return {subject: HandoffResult(accepted=True) for subject in subjects}


async def rows(admin: Admin) -> dict[UUID, tuple[str, int, str | None, datetime]]:
    found = await admin.fetch("select * from ingest.outbox where topic = $1", TOPIC)
    return {
        row["subject_id"]: (row["status"], row["attempts"], row["last_error"], row["due_at"])
        for row in found
    }


@pytest.mark.parametrize("fault", [a_fault(grpc.StatusCode.INTERNAL), KeyError("source_id")])
async def test_an_item_that_breaks_its_batch_fails_alone(
    ingest_db: Database, admin: Admin, fault: Exception
) -> None:
    subjects = await enqueue(admin, 9)
    receiver = Receiver(poison=subjects[3], fault=fault)
    assert await Relay(TOPIC, OutboxStore(ingest_db), receiver.take).step() == 9
    found = await rows(admin)
    assert {subject for subject in subjects if found[subject][0] == "sent"} == set(subjects) - {
        subjects[3]
    }
    status, attempts, error, _ = found[subjects[3]]
    assert (status, attempts) == ("pending", 1)
    assert error in ("INTERNAL", "KeyError")


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"])
async def test_what_waits_for_a_receiver_that_is_away_keeps_its_place(
    ingest_db: Database, admin: Admin, code: str
) -> None:
    older = await enqueue(admin, 3)
    receiver = Receiver()
    receiver.away = grpc.StatusCode[code]
    relay = Relay(TOPIC, OutboxStore(ingest_db), receiver.take)
    assert await relay.step() == 0, "the relay waits, it does not try the next batch"
    newer = await enqueue(admin, 2)
    assert {row[:3] for subject, row in (await rows(admin)).items() if subject in older} == {
        ("pending", 1, code)
    }
    receiver.away = None
    # A new relay begins with a sweep, as an old one does every two seconds.
    await Relay(TOPIC, OutboxStore(ingest_db), receiver.take).step()
    assert receiver.taken == older + newer
    assert {row[:3] for subject, row in (await rows(admin)).items() if subject in older} == {
        ("sent", 2, code)
    }


async def test_a_backlog_of_one_tenant_keeps_no_other_tenants_items_waiting(
    ingest_db: Database, admin: Admin
) -> None:
    backlog = await enqueue(admin, 30)
    small = [subject for _ in range(3) for subject in await enqueue(admin, 1)]
    receiver, policy = Receiver(), RelayPolicy(batch_items_max=10)
    relay = Relay(TOPIC, OutboxStore(ingest_db), receiver.take, policy)
    await relay.step()
    assert set(small) <= set(receiver.taken)
    while await relay.step():
        pass
    assert [subject for subject in receiver.taken if subject in backlog] == backlog


def an_item(size: int) -> OutboxItem:
    now = datetime.now().astimezone()
    return OutboxItem(
        org_id=uuid4(),
        outbox_id=uuid4(),
        subject_id=uuid4(),
        payload={"x": "a" * (size - 8)},
        attempts=1,
        enqueued_at=now,
        due_at=now,
        trace=new_root(),
    )


def test_a_batch_is_sent_in_parts_that_fit_a_message() -> None:
    sizes = [40, 40, 40, 300, 10, 100]
    parts = parts_of([an_item(size) for size in sizes], 100)
    assert [[len(item.payload["x"]) + 8 for item in part] for part in parts] == [
        [40, 40],
        [40],
        [300],
        [10],
        [100],
    ]
