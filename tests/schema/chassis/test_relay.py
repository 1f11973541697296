"""The relay: at least once to a receiver that makes a repeat harmless; nothing is lost between."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import grpc
import pytest
from structlog.testing import capture_logs

from services.chassis.database import Database
from services.chassis.loops import Stopping
from services.chassis.outbox.relay import HandoffResult, Relay, RelayPolicy, backoff_seconds
from services.chassis.outbox.store import OutboxItem, OutboxStore
from tests.schema.chassis.outbox_rows import Admin, an_item

TOPIC = "next"


class Receiver:
    """A peer that takes each subject once, by its natural key, and fails as it is settled."""

    def __init__(self) -> None:
        self.taken: set[UUID] = set()
        self.calls: list[list[UUID]] = []
        self.refuses: set[UUID] = set()
        self.forgets: set[UUID] = set()
        self.poison: UUID | None = None
        self.poisoned = failed(grpc.StatusCode.INVALID_ARGUMENT)
        self.fault: grpc.StatusCode | None = None
        self.items_max = 1_000

    async def send(self, items: Sequence[OutboxItem]) -> Mapping[UUID, HandoffResult]:
        subjects = [item.subject_id for item in items]
        self.calls.append(subjects)
        if self.fault is not None:
            raise failed(self.fault)
        if len(items) > self.items_max:
            raise failed(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "Sent message larger than max (9 vs. 8)"
            )
        if self.poison in subjects:
            raise self.poisoned
        answers = {}
        for subject in subjects:
            accepted = subject not in self.refuses
            if accepted:
                self.taken.add(subject)
            answers[subject] = HandoffResult(
                accepted=accepted, reason="" if accepted else "NOT_WANTED"
            )
        return {key: answer for key, answer in answers.items() if key not in self.forgets}


def failed(code: grpc.StatusCode, details: str = "no") -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


def a_relay(database: Database, receiver: Receiver, **policy: float) -> Relay:
    return Relay(TOPIC, OutboxStore(database), receiver.send, RelayPolicy(**policy))  # type: ignore[arg-type]


async def statuses(admin: Admin) -> dict[UUID, tuple[str, int, str | None]]:
    rows = await admin.fetch("select * from ingest.outbox")
    return {row["subject_id"]: (row["status"], row["attempts"], row["last_error"]) for row in rows}


async def due_now(admin: Admin) -> None:
    await admin.execute("update ingest.outbox set due_at = now() - interval '1 second'")


async def leases_end(admin: Admin) -> None:
    await admin.execute("update ingest.outbox set claim_expires_at = now(), due_at = now()")


async def test_items_are_sent_in_one_call_and_settled(ingest_db: Database, admin: Admin) -> None:
    subjects = {await an_item(admin) for _ in range(5)}
    receiver = Receiver()
    relay = a_relay(ingest_db, receiver)
    assert await relay.step() == 5
    assert receiver.taken == subjects
    assert len(receiver.calls) == 1
    assert set((await statuses(admin)).values()) == {("sent", 1, None)}
    assert await relay.step() == 0


async def test_a_batch_has_a_bound(ingest_db: Database, admin: Admin) -> None:
    for _ in range(5):
        await an_item(admin)
    receiver = Receiver()
    relay = a_relay(ingest_db, receiver, batch_items_max=2)
    assert [await relay.step() for _ in range(4)] == [2, 2, 1, 0]


async def test_a_crash_between_call_and_settlement_sends_again_and_harms_nothing(
    ingest_db: Database, admin: Admin
) -> None:
    subject = await an_item(admin)
    receiver = Receiver()

    class Crashed(Exception):
        pass

    class Store(OutboxStore):
        async def settle_outbox(self, *_: object) -> int:
            raise Crashed

    with pytest.raises(Crashed):
        await Relay(TOPIC, Store(ingest_db), receiver.send).step()
    relay = a_relay(ingest_db, receiver)
    assert await relay.step() == 0, "another relay must wait for the lease to end"
    await leases_end(admin)
    assert await a_relay(ingest_db, receiver).step() == 1
    assert receiver.calls == [[subject], [subject]]
    assert receiver.taken == {subject}
    assert await statuses(admin) == {subject: ("sent", 2, None)}


async def test_what_the_receiver_refuses_is_kept_with_its_reason(
    ingest_db: Database, admin: Admin
) -> None:
    good, bad = await an_item(admin), await an_item(admin)
    receiver = Receiver()
    receiver.refuses = {bad}
    await a_relay(ingest_db, receiver).step()
    assert await statuses(admin) == {good: ("sent", 1, None), bad: ("refused", 1, "NOT_WANTED")}


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    ],
)
async def test_while_the_receiver_is_away_items_wait_and_then_go(
    ingest_db: Database, admin: Admin, code: grpc.StatusCode
) -> None:
    subjects = {await an_item(admin) for _ in range(4)}
    receiver = Receiver()
    receiver.fault = code
    relay = a_relay(ingest_db, receiver)
    await relay.step()
    assert len(receiver.calls) == 1, "a fault of the whole call is not a reason to split it"
    assert set((await statuses(admin)).values()) == {("pending", 1, code.name)}
    assert await relay.step() == 0
    receiver.fault = None
    await due_now(admin)
    assert await a_relay(ingest_db, receiver).step() == 4
    assert receiver.taken == subjects


async def test_an_item_that_breaks_the_call_waits_alone(ingest_db: Database, admin: Admin) -> None:
    subjects = {await an_item(admin) for _ in range(20)}
    receiver = Receiver()
    receiver.poison = next(iter(subjects))
    await a_relay(ingest_db, receiver).step()
    assert receiver.taken == subjects - {receiver.poison}
    assert len(receiver.calls) < 15
    settled = await statuses(admin)
    assert settled.pop(receiver.poison) == ("pending", 1, "INVALID_ARGUMENT")
    assert set(settled.values()) == {("sent", 1, None)}


async def test_a_batch_that_is_too_large_for_one_call_goes_in_several(
    ingest_db: Database, admin: Admin
) -> None:
    subjects = {await an_item(admin) for _ in range(10)}
    receiver = Receiver()
    receiver.items_max = 3
    await a_relay(ingest_db, receiver).step()
    assert receiver.taken == subjects
    assert set((await statuses(admin)).values()) == {("sent", 1, None)}


@pytest.mark.parametrize(
    "details",
    [
        "Stream removed (received metadata size exceeds hard limit (value length 17000 vs. 16384))",
        "CLIENT: Received message larger than max (9437184 vs. 8388608)",
    ],
)
async def test_an_answer_that_is_too_large_is_a_fault_of_its_item_and_holds_up_no_other(
    ingest_db: Database, admin: Admin, details: str
) -> None:
    subjects = {await an_item(admin) for _ in range(20)}
    receiver = Receiver()
    receiver.poison = next(iter(subjects))
    receiver.poisoned = failed(grpc.StatusCode.RESOURCE_EXHAUSTED, details)
    with capture_logs() as lines:
        await a_relay(ingest_db, receiver).step()
    assert receiver.taken == subjects - {receiver.poison}
    settled = await statuses(admin)
    assert settled.pop(receiver.poison) == ("pending", 1, "TOO_LARGE")
    assert set(settled.values()) == {("sent", 1, None)}
    told = [line for line in lines if line["event"] == "too large for gRPC"]
    assert told[-1]["items"] == 1
    assert {(line["log_level"], line["topic"], line["details"]) for line in told} == {
        ("error", TOPIC, details)
    }


async def test_an_item_without_an_answer_is_tried_again(ingest_db: Database, admin: Admin) -> None:
    subject = await an_item(admin)
    receiver = Receiver()
    receiver.forgets = {subject}
    await a_relay(ingest_db, receiver).step()
    status, attempts, error = (await statuses(admin))[subject]
    assert (status, attempts) == ("pending", 1)
    assert error is not None


async def test_a_cancelled_relay_gives_its_items_back_unspent(
    ingest_db: Database, admin: Admin
) -> None:
    subject = await an_item(admin)
    calling = asyncio.Event()

    async def never(items: Sequence[OutboxItem]) -> Mapping[UUID, HandoffResult]:
        calling.set()
        await asyncio.Event().wait()
        return {}

    step = asyncio.create_task(Relay(TOPIC, OutboxStore(ingest_db), never).step())
    await asyncio.wait_for(calling.wait(), 5)
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert await statuses(admin) == {subject: ("pending", 0, None)}
    assert await a_relay(ingest_db, Receiver()).step() == 1


async def test_two_relays_share_the_work_and_send_nothing_twice(
    ingest_db: Database, admin: Admin
) -> None:
    subjects = [await an_item(admin) for _ in range(50)]
    receiver = Receiver()
    relays = [a_relay(ingest_db, receiver, batch_items_max=5) for _ in range(4)]

    async def drain(relay: Relay) -> None:
        while await relay.step():
            continue

    await asyncio.gather(*map(drain, relays))
    sent = [subject for call in receiver.calls for subject in call]
    assert sorted(sent) == sorted(subjects)


async def test_a_woken_relay_works_at_once_and_stops_when_it_is_told(
    ingest_db: Database, admin: Admin
) -> None:
    received = asyncio.Event()
    receiver, stopping = Receiver(), Stopping()

    async def send(items: Sequence[OutboxItem]) -> Mapping[UUID, HandoffResult]:
        received.set()
        return await receiver.send(items)

    relay = Relay(TOPIC, OutboxStore(ingest_db), send)
    running = asyncio.create_task(relay.run(stopping, poll_seconds=3600))
    await an_item(admin, due_at=datetime.now(UTC))
    relay.wake.set()
    await asyncio.wait_for(received.wait(), 10)
    stopping.set()
    await asyncio.wait_for(running, 10)
    assert len(receiver.taken) == 1


def test_waits_double_up_to_a_minute_and_never_end() -> None:
    waits = [backoff_seconds(attempt) for attempt in range(1, 12)]
    assert waits[:4] == [0.5, 1, 2, 4]
    assert waits[-1] == 60
    assert backoff_seconds(10_000) == 60


async def test_a_relay_that_lingers_goes_on_at_once_after_a_full_batch_alone(
    ingest_db: Database, admin: Admin
) -> None:
    stopping = Stopping()

    class Slow(Receiver):
        async def send(self, items: Sequence[OutboxItem]) -> Mapping[UUID, HandoffResult]:
            answers = await super().send(items)
            if len(self.calls) == 2:
                # Written while the batch that was not full is sent: it waits for the next poll.
                await an_item(admin)
            return answers

    for _ in range(3):
        await an_item(admin)
    receiver = Slow()
    relay = a_relay(ingest_db, receiver, batch_items_max=2, lingers=True)
    idle = asyncio.Event()
    wait = relay.wake.wait

    async def waiting(seconds_max: float) -> None:
        idle.set()
        await wait(seconds_max)

    relay.wake.wait = waiting  # type: ignore[method-assign]
    running = asyncio.create_task(relay.run(stopping, poll_seconds=600))
    async with asyncio.timeout(30):
        await idle.wait()
        assert [len(call) for call in receiver.calls] == [2, 1]
        idle.clear()
        relay.wake.set()
        await idle.wait()
        assert [len(call) for call in receiver.calls] == [2, 1, 1]
        stopping.set()
        await running
