"""The lead path, open loop: from what comes in at the edge to what the buyer has taken.

Half of the leads come as signed WhatsApp webhooks, half by POST /api/leads; each is a person of its
own, so each must be delivered, once. Latency to "delivered" ends with the row that says so.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from bench.cost import Meter, read_meter
from bench.figures import Figure, Target
from bench.http_load import HttpLoad, Sample, http_load
from bench.latencies import Percentiles, per_second
from bench.open_loop import Schedule
from bench.run import Run
from bench.web_stack import World, world

RATES: Final = (50, 200, 500)
CONNECTIONS: Final = 128
_SUSTAINED: Final = 200
_NONE: Final = Target(value=0, at_most=True)
_SOON: Final = Target(value=2_000, at_most=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of the leads of one rate."""

    offered: int
    accepted: Sequence[Sample]
    answers: Percentiles
    delivered: int
    seconds_to_deliver: Percentiles
    lost: int
    duplicates: int
    late: int
    """Accepted, known to the system, and not delivered when the measurement ended."""
    taken_seconds: float
    cost: Meter


async def measure(run: Run) -> list[Figure]:
    """Figures of each rate."""
    figures: list[Figure] = []
    async with world(run, credits=1_000_000) as running:
        await running.admin.execute("create extension if not exists pg_stat_statements")
        async with http_load(running.port, connections=CONNECTIONS) as load:
            await _offered(run, running, load, Schedule(rate=20, seconds=2))
            for rate in RATES:
                seconds = run.pick(60, 3)
                run.tell(f"lead path: {rate} leads a second for {seconds:g} s")
                fates = await _offered(run, running, load, Schedule(rate=rate, seconds=seconds))
                figures += _figures(rate, fates)
    return figures


async def _offered(run: Run, running: World, load: HttpLoad, schedule: Schedule) -> Fates:
    start = secrets.randbelow(10**8)
    phones = [f"+49151{(start + number) % 10**8:08d}" for number in range(schedule.count)]
    contents = [
        _post(running, phone) if number % 2 else _webhook(running, phone)
        for number, phone in enumerate(phones)
    ]
    before = await read_meter(running.stack, running.admin)
    began, to_wall = time.monotonic(), time.time() - time.monotonic()
    samples = await load.at_rate(schedule, contents)
    accepted = [sample for sample in samples if sample.status == 200]
    rows = await _delivered(run, running, phones, len(accepted), run.pick(120, 20))
    taken = time.monotonic() - began
    cost = (await read_meter(running.stack, running.admin)).since(before)
    return _fates(samples, accepted, phones, rows, to_wall=to_wall, taken=taken, cost=cost)


def _webhook(running: World, phone: str) -> bytes:
    return running.webhook(f"wamid.{secrets.token_hex(12)}", phone.removeprefix("+"))


def _post(running: World, phone: str) -> bytes:
    lead = {
        "customer_phone": phone,
        "customer_name": "Chris Example",
        "type": "order",
        "details": "Two rooms, near the river.",
    }
    return running.post(json.dumps(lead).encode())


async def _delivered(
    run: Run, running: World, phones: Sequence[str], accepted: int, seconds_max: float
) -> list[asyncpg.Record]:
    """A row for each lead, once all are delivered; after `seconds_max` as it then stands."""
    patience = time.monotonic() + seconds_max
    while True:
        done = await running.admin.fetchval(_COUNT, phones)
        if done >= accepted or time.monotonic() > patience:
            return list(await running.admin.fetch(_LEADS, phones))
        run.tell(f"lead path: {accepted - done} leads on their way")
        await asyncio.sleep(2)


_COUNT: Final = """
select count(*)
from ingest.leads l
join delivery.deliveries d on d.org_id = l.org_id and d.lead_id = l.lead_id
where l.phone = any ($1) and d.status = 'DELIVERED'
"""
_LEADS: Final = """
select l.phone, extract(epoch from d.completed_at)::float8 as completed_at,
  d.status = 'DELIVERED' as delivered,
  (select count(*) from delivery.attempts a
    where a.org_id = d.org_id and a.delivery_id = d.delivery_id) as attempts
from ingest.leads l
left join delivery.deliveries d on d.org_id = l.org_id and d.lead_id = l.lead_id
where l.phone = any ($1)
"""


def _fates(
    samples: Sequence[Sample],
    accepted: Sequence[Sample],
    phones: Sequence[str],
    rows: Sequence[asyncpg.Record],
    *,
    to_wall: float,
    taken: float,
    cost: Meter,
) -> Fates:
    found = {row["phone"]: row for row in rows}
    waits = []
    for sample in accepted:
        row = found.get(phones[sample.number])
        at = row["completed_at"] if row is not None and row["delivered"] else float("inf")
        waits.append(at - (sample.planned + to_wall))
    delivered = sum(wait != float("inf") for wait in waits)
    lost = sum(phones[sample.number] not in found for sample in accepted)
    return Fates(
        offered=len(samples),
        accepted=accepted,
        answers=Percentiles.of_seconds([sample.seconds for sample in samples]),
        delivered=delivered,
        seconds_to_deliver=Percentiles.of_seconds(waits),
        lost=lost,
        duplicates=len(rows) - len(found) + sum((row["attempts"] or 0) > 1 for row in rows),
        late=len(accepted) - delivered - lost,
        taken_seconds=taken,
        cost=cost,
    )


def _figures(rate: int, fates: Fates) -> list[Figure]:
    what = f"{rate} leads/s"
    sustained = rate == _SUSTAINED
    leads = max(fates.delivered, 1)
    cpu = {name: seconds / leads * 1000 for name, seconds in fates.cost.cpu_seconds.items()}
    rest = [
        ("delivered a second", per_second(fates.delivered, fates.taken_seconds), "/s", None, ""),
        ("answer p50", fates.answers.p50, "ms", None, ""),
        ("answer p99", fates.answers.p99, "ms", None, ""),
        ("to delivered p50", fates.seconds_to_deliver.p50, "ms", None, ""),
        ("to delivered p95", fates.seconds_to_deliver.p95, "ms", _SOON if sustained else None, ""),
        ("to delivered p99", fates.seconds_to_deliver.p99, "ms", None, ""),
        ("refused or unanswered", fates.offered - len(fates.accepted), "leads",
         _NONE if sustained else None, f"of {fates.offered} offered"),
        ("lost", fates.lost, "leads", _NONE, f"of {len(fates.accepted)} accepted"),
        ("sent more than once", fates.duplicates, "leads", _NONE, ""),
        ("not delivered yet at the end", fates.late, "leads", None, ""),
        ("SQL statements a lead", fates.cost.statements / leads, "", None, ""),
        ("WAL a lead", fates.cost.wal_bytes / leads / 1024, "KiB", None, ""),
        ("CPU a lead", sum(cpu.values()), "ms", None,
         ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in cpu.items())),
    ]  # fmt: skip
    return [
        Figure(what=f"{what}: {name}", value=value, unit=unit, target=target, beside=beside)
        for name, value, unit, target, beside in rest
    ]
