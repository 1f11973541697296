"""Page messages from the webhook to the timeline: edge, ingest, outbox, RPC, stored row.

Open loop: each message has a planned time, and its latency ends when the transaction that stored
its event committed, as the server itself noted it. The people wrote before, so that no message
makes a lead and what is measured is not what else the machine does with leads.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Final

from bench.figures import Figure, Target
from bench.http_load import Sample, http_load, request
from bench.latencies import Percentiles
from bench.open_loop import Schedule
from bench.run import Run
from bench.web_stack import World, world
from sandbox.meta_json import sign
from sandbox.meta_webhooks import PageMessage, messenger_text

MESSAGES_PER_SECOND: Final = 100
STORED_MILLISECONDS_P99: Final = 100
CONNECTIONS: Final = 64
_PEOPLE: Final = 50
_PATIENCE_SECONDS: Final = 60
_COMMITTED: Final = """
    select message_id, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 as stored_at
    from sync.contact_interaction_events
    where message_id = any ($1)
"""


async def measure(run: Run) -> list[Figure]:
    """How long a webhook's event takes until it is stored in the timeline."""
    async with world(run, postgres_settings={"track_commit_timestamp": "on"}) as running:
        people = [str(8 * 10**15 + secrets.randbelow(10**15)) for _ in range(_PEOPLE)]
        await _report(running, people, Schedule(rate=_PEOPLE, seconds=1))
        schedule = Schedule(rate=MESSAGES_PER_SECOND, seconds=run.pick(30, 2))
        run.report_progress(f"sync: {schedule.count} webhooks of a message each, open loop")
        seconds = await _report(running, people, schedule)
    spread = Percentiles.of_seconds(seconds)
    what = f"webhook event to stored, from edge to timeline, at {MESSAGES_PER_SECOND}/s offered"
    lost = sum(each == math.inf for each in seconds)
    return [
        Figure(what=f"{what}, p50", value=spread.p50, unit="ms"),
        Figure(
            what=f"{what}, p99",
            value=spread.p99,
            unit="ms",
            target=Target(value=STORED_MILLISECONDS_P99, at_most=True),
        ),
        Figure(
            what=f"{what}: not stored",
            value=lost,
            unit="events",
            target=Target(value=0, at_most=True),
        ),
    ]


async def _report(running: World, people: Sequence[str], schedule: Schedule) -> list[float]:
    """Seconds from each message's planned time until it was stored; infinite where it was not."""
    ids = [f"m_{secrets.token_hex(12)}" for _ in range(schedule.count)]
    contents = [
        _webhook(running, mid, people[number % len(people)]) for number, mid in enumerate(ids)
    ]
    # Planned times are of the monotonic clock, commits of the other one.
    clocks_apart = time.time() - time.monotonic()
    async with http_load(running.port, connections=CONNECTIONS) as load:
        samples = await load.at_rate(schedule, contents)
    stored = await _stored(running, [ids[each.number] for each in samples if each.status == 200])
    return [_waited(ids, each, stored, clocks_apart) for each in samples]


def _waited(
    ids: Sequence[str], sample: Sample, stored: Mapping[str, float], clocks_apart: float
) -> float:
    at = stored.get(ids[sample.number], math.inf)
    return at - (sample.planned + clocks_apart)


def _webhook(running: World, mid: str, person_id: str) -> bytes:
    message = PageMessage(
        mid=mid, person_id=person_id, page_id=running.customer.org.page_id,
        timestamp=int(time.time() * 1000),
    )  # fmt: skip
    body = messenger_text(message)
    headers = {
        "content-type": "application/json",
        "x-hub-signature-256": sign(running.customer.app_secret, body),
    }
    return request("POST", "/webhooks/meta", body, headers)


async def _stored(running: World, ids: Sequence[str]) -> dict[str, float]:
    """When each was stored (unix seconds), as soon as all are, or after a minute what there is."""
    patience = time.monotonic() + _PATIENCE_SECONDS
    while True:
        rows = await running.admin.fetch(_COMMITTED, ids)
        if len(rows) == len(ids) or time.monotonic() > patience:
            return {row["message_id"]: row["stored_at"] for row in rows}
        await asyncio.sleep(0.2)
