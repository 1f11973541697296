"""Events a second into sync's timeline, and how long a webhook's event takes to be stored there.

The rate is that of `bulk_upsert_conversations_with_events`: new messages of new and known
conversations, in batches as a pull brings them. The latency is that of the whole way, from the edge
on (`reported_events.py`).
"""

import asyncio
import dataclasses
import time
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from bench import reported_events
from bench.database import databases
from bench.figures import Figure, Target
from bench.latencies import per_second
from bench.run import Run
from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from services.sync.records.conversations import ConversationToStore
from services.sync.records.events import Interaction
from services.sync.store.conversations import ConversationStore
from services.sync.store.pages import PageStore

EVENTS_PER_SECOND: Final = 15_000
CALLERS: Final = 2
_CONVERSATIONS: Final = 100
_MESSAGES: Final = 10
_PAGE: Final = "700100200300"
_TEXT: Final = "Two rooms, near the river, with a balcony if there is one."


async def measure(run: Run) -> list[Figure]:
    """The rate of events, and the latency of webhooks' events."""
    async with databases(run, "sync") as opened:
        database = await opened.open("sync", connections=CALLERS)
        org_id = uuid4()
        page_id = await _page(database, org_id)
        batches = int(run.pick(120, 6))
        run.report_progress(f"sync: {batches} batches of {_CONVERSATIONS * _MESSAGES} events")
        rate = await _rate(database, org_id, page_id, batches)
    # The whole system has a server and a state folder of its own.
    whole = dataclasses.replace(run, folder=run.folder / "system")
    whole.folder.mkdir(mode=0o711)
    reported = await reported_events.measure(whole)
    return [
        Figure(
            what=f"events into the timeline, {CALLERS} callers",
            value=rate,
            unit="/s",
            target=Target(value=EVENTS_PER_SECOND),
        ),
        *reported,
    ]


async def _page(database: Database, org_id: UUID) -> UUID:
    return await PageStore(database).connect_page(
        org_id,
        page_id=new_id(),
        platform="messenger",
        facebook_page_id=_PAGE,
        name="bench",
        external_app_id="",
        access_token_ciphertext=b"sealed",
        request_id=RequestId(),
        traceparent=new_root().traceparent,
    )


async def _rate(database: Database, org_id: UUID, page_id: UUID, batches: int) -> float:
    store, stored, left = ConversationStore(database), 0, list(range(batches))
    made = {number: _conversations(number) for number in left}

    async def caller() -> None:
        nonlocal stored
        while left:
            rows = await store.bulk_upsert_conversations_with_events(
                org_id,
                page_id,
                made.pop(left.pop()),
                "pull",
                traceparent=new_root().traceparent,
            )
            stored += sum(row.outcome == "stored" for row in rows)

    started = time.monotonic()
    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())
    seconds = time.monotonic() - started
    if stored != batches * _CONVERSATIONS * _MESSAGES:
        raise RuntimeError(f"only {stored} events were stored")
    return per_second(stored, seconds)


def _conversations(batch: int) -> list[ConversationToStore]:
    """Every second batch has more of the conversations of the batch before."""
    now = datetime.now(UTC)
    return [
        ConversationToStore(
            contact_external_id=f"{batch // 2}-{number}",
            thread_id=f"t_{batch // 2}-{number}",
            contact_name="Chris Example",
            listed_at=now + timedelta(seconds=batch),
            message_count=_MESSAGES,
            completeness="full",
            interactions=tuple(_message(now, index) for index in range(_MESSAGES)),
        )
        for number in range(_CONVERSATIONS)
    ]


def _message(now: datetime, index: int) -> Interaction:
    message_id = f"m_{uuid4().hex}"
    return Interaction(
        type="message",
        direction="in" if index % 2 else "out",
        actor="8100",
        message_id=message_id,
        occurred_at=now + timedelta(seconds=index),
        content_at=now,
        text=_TEXT,
        payload={"id": message_id, "message": _TEXT, "from": {"id": "8100"}},
    )
