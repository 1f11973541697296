"""The lead path, open loop: from what comes in at the edge to what the buyer has taken.

Half of the leads come as signed WhatsApp webhooks, half by POST /api/leads; each is a person of its
own, so each must be delivered, once. Latency to "delivered" ends with the row that says so.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence, Set
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
# More than answers under way: what waits for a connection waits in the generator.
CONNECTIONS: Final = 512
_SUSTAINED: Final = 200
_NONE: Final = Target(value=0, at_most=True)
_SOON: Final = Target(value=2_000, at_most=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadCounts:
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
                run.report_progress(f"lead path: {rate} leads a second for {seconds:g} s")
                counts = await _offered(run, running, load, Schedule(rate=rate, seconds=seconds))
                figures += _figures(rate, counts)
    return figures


async def _offered(run: Run, running: World, load: HttpLoad, schedule: Schedule) -> LeadCounts:
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
    taken_over = [phones[sample.number] for sample in accepted]
    await _drained(run, running, taken_over, run.pick(60, 20))
    taken = time.monotonic() - began
    cost = (await read_meter(running.stack, running.admin)).since(before)
    rows = await running.admin.fetch(_LEADS, phones)
    known = await running.admin.fetch(_KNOWN, phones, [_message_id(phone) for phone in phones])
    return _lead_counts(
        samples,
        accepted,
        phones,
        rows,
        known={row["phone"] for row in known},
        to_wall=to_wall,
        taken=taken,
        cost=cost,
    )


def _webhook(running: World, phone: str) -> bytes:
    return running.webhook(_message_id(phone), phone.removeprefix("+"))


def _message_id(phone: str) -> str:
    return f"wamid.{phone}"


def _post(running: World, phone: str) -> bytes:
    lead = {
        "customer_phone": phone,
        "customer_name": "Chris Example",
        "type": "order",
        "details": "Two rooms, near the river.",
    }
    return running.post(json.dumps(lead).encode())


async def _drained(run: Run, running: World, taken_over: Sequence[str], seconds_max: float) -> None:
    """Returns when every lead that was accepted is delivered, at the latest after `seconds_max`."""
    patience = time.monotonic() + seconds_max
    while time.monotonic() < patience:
        left = len(taken_over) - int(await running.admin.fetchval(_COUNT, taken_over))
        if left <= 0:
            return
        run.report_progress(f"lead path: {left} leads on their way")
        await asyncio.sleep(2)


_COUNT: Final = """
select count(distinct l.phone)
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
# A webhook that waits to be worked through is not lost.
_KNOWN: Final = """
select l.phone
from ingest.leads l
where l.phone = any ($1)
union
select substr(i.external_id, 7)
from ingest.webhook_items i
where i.external_id = any ($2)
"""


def _lead_counts(
    samples: Sequence[Sample],
    accepted: Sequence[Sample],
    phones: Sequence[str],
    rows: Sequence[asyncpg.Record],
    *,
    known: Set[str],
    to_wall: float,
    taken: float,
    cost: Meter,
) -> LeadCounts:
    found = {row["phone"]: row for row in rows}
    waits = []
    for sample in accepted:
        row = found.get(phones[sample.number])
        at = row["completed_at"] if row is not None and row["delivered"] else float("inf")
        waits.append(at - (sample.planned + to_wall))
    delivered = sum(wait != float("inf") for wait in waits)
    lost = sum(phones[sample.number] not in known for sample in accepted)
    return LeadCounts(
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


def _figures(rate: int, counts: LeadCounts) -> list[Figure]:
    what = f"{rate} leads/s"
    sustained = rate == _SUSTAINED
    leads = max(counts.delivered, 1)
    cpu = {name: seconds / leads * 1000 for name, seconds in counts.cost.cpu_seconds.items()}
    rest = [
        ("delivered a second", per_second(counts.delivered, counts.taken_seconds), "/s", None, ""),
        ("answer p50", counts.answers.p50, "ms", None, ""),
        ("answer p99", counts.answers.p99, "ms", None, ""),
        ("to delivered p50", counts.seconds_to_deliver.p50, "ms", None, ""),
        ("to delivered p95", counts.seconds_to_deliver.p95, "ms", _SOON if sustained else None, ""),
        ("to delivered p99", counts.seconds_to_deliver.p99, "ms", None, ""),
        ("refused or unanswered", counts.offered - len(counts.accepted), "leads",
         _NONE if sustained else None, f"of {counts.offered} offered"),
        ("lost", counts.lost, "leads", _NONE, f"of {len(counts.accepted)} accepted"),
        ("sent more than once", counts.duplicates, "leads", _NONE, ""),
        ("not delivered yet at the end", counts.late, "leads", None, ""),
        ("SQL statements a lead", counts.cost.statements / leads, "", None, ""),
        ("WAL a lead", counts.cost.wal_bytes / leads / 1024, "KiB", None, ""),
        ("CPU a lead", sum(cpu.values()), "ms", None,
         ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in cpu.items())),
    ]  # fmt: skip
    return [
        Figure(what=f"{what}: {name}", value=value, unit=unit, target=target, beside=beside)
        for name, value, unit, target, beside in rest
    ]
