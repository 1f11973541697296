"""Signed webhooks through the edge, durable before the answer, beside the bare insert.

Two kinds: read receipts, which are stored and need nothing more, and texts of new customers, each
of which becomes a lead, is routed and delivered by the same machine while the next ones come in.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from bench.figures import Figure, Target, ratio
from bench.http_load import HttpLoad, Sample, http_load, request
from bench.latencies import Percentiles, per_second
from bench.open_loop import Schedule
from bench.pgbench import pgbench
from bench.run import Run
from bench.web_stack import World, world
from sandbox.meta_json import sign
from sandbox.meta_webhooks import PageMessage, messenger_read

CONNECTIONS: Final = 64
_RATE_OFFERED: Final = 500
_TARGET: Final = Target(value=1_500)
_LATE: Final = Target(value=100, at_most=True)
_ROWS_BY_SET: Final = 50
_PGBENCH_CLIENTS: Final = 16


class LostError(RuntimeError):
    """Webhooks that were answered 200 are not in the database."""


async def measure(run: Run) -> list[Figure]:
    """Rates, lateness, and the limit that the disk and the tables set."""
    seconds = run.pick(10, 1)
    async with world(run, credits=1_000_000) as running:
        async with http_load(running.port, connections=CONNECTIONS) as load:
            await _warm_up(load, running)
            # The receipts first: the texts leave work to be done.
            speed: dict[str, float] = {}
            late: list[list[Figure]] = []
            for kind in ("read receipts", "texts"):
                speed[kind] = await _full_speed(run, running, load, kind, seconds)
                await _drained(run, running)
                late.append(await _at_rate(run, running, load, kind, run.pick(20, 1)))
        for service in reversed(running.stack.services):
            await running.stack.supervisor.stop(service)
        single, by_set = await _bare(run, running, seconds)
    bare = "the bare insert by set"
    return [
        *(
            Figure(
                what=f"webhooks answered 200, {kind}, {CONNECTIONS} connections",
                value=rate, unit="/s", target=_TARGET, beside=ratio(rate, by_set, bare),
            )
            for kind, rate in (
                ("read receipts", speed["read receipts"]),
                ("texts that become leads", speed["texts"]),
            )
        ),
        *(figure for figures in late for figure in figures),
        Figure(
            what=f"bare insert of the same rows, one a transaction, {_PGBENCH_CLIENTS} connections",
            value=single, unit="/s", beside=ratio(single, by_set, bare),
        ),
        Figure(
            what=f"bare insert of the same rows, {_ROWS_BY_SET} a transaction, 1 connection",
            value=by_set, unit="/s",
        ),
    ]  # fmt: skip


async def _warm_up(load: HttpLoad, running: World) -> None:
    """First calls read secrets, open connections and plan statements."""
    await load.at_full_speed(_contents(running, "read receipts", 200), seconds_max=5)


async def _full_speed(run: Run, running: World, load: HttpLoad, kind: str, seconds: float) -> float:
    run.report_progress(f"webhooks: {kind} as fast as they are answered")
    before = await _stored(running)
    contents = _contents(running, kind, int(seconds * 2_500))
    samples, taken = await load.at_full_speed(contents, seconds_max=seconds)
    good = _good(samples)
    await _all_durable(running, before, len(good))
    return per_second(len(good), taken)


async def _at_rate(
    run: Run, running: World, load: HttpLoad, kind: str, seconds: float
) -> list[Figure]:
    run.report_progress(f"webhooks: {_RATE_OFFERED} {kind} a second, open loop")
    schedule = Schedule(rate=_RATE_OFFERED, seconds=seconds)
    before = await _stored(running)
    contents = _contents(running, kind, schedule.count)
    samples = await load.at_rate(schedule, contents)
    await _all_durable(running, before, len(_good(samples)))
    spread = Percentiles.of_seconds([sample.seconds for sample in samples])
    what = f"{kind} at {_RATE_OFFERED}/s offered, open loop"
    return [
        Figure(what=f"{what}: answer p50", value=spread.p50, unit="ms"),
        Figure(what=f"{what}: answer p99", value=spread.p99, unit="ms", target=_LATE),
        Figure(
            what=f"{what}: not answered 200", value=len(samples) - len(_good(samples)),
            unit="webhooks", target=Target(value=0, at_most=True),
        ),
    ]  # fmt: skip


def _good(samples: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.status == 200]


def _contents(running: World, kind: str, count: int) -> list[bytes]:
    if kind == "texts":
        start = secrets.randbelow(10**8)
        return [
            running.webhook(f"wamid.{secrets.token_hex(12)}", f"49151{(start + n) % 10**8:08d}")
            for n in range(count)
        ]
    return [_read_receipt(running) for _ in range(count)]


def _read_receipt(running: World) -> bytes:
    message = PageMessage(
        mid=secrets.token_hex(12),
        person_id=str(8 * 10**15 + secrets.randbelow(10**15)),
        page_id=running.customer.org.page_id,
    )
    body = messenger_read(message)
    headers = {
        "content-type": "application/json",
        "x-hub-signature-256": sign(running.customer.app_secret, body),
    }
    return request("POST", "/webhooks/meta", body, headers)


async def _stored(running: World) -> int:
    return int(await running.admin.fetchval("select count(*) from ingest.webhook_deliveries"))


async def _all_durable(running: World, before: int, acknowledged: int) -> None:
    stored = await _stored(running) - before
    if stored < acknowledged:
        raise LostError(f"{acknowledged} were answered 200, {stored} are stored")


async def _drained(run: Run, running: World) -> None:
    """Returns when no item waits to be worked through, after a minute at most."""
    for second in range(60):
        waiting = await running.admin.fetchval(
            "select count(*) from ingest.webhook_items where status in ('pending', 'processing')"
        )
        if not waiting:
            return
        if second % 10 == 0:
            run.report_progress(f"webhooks: {waiting} items are still worked through")
        await asyncio.sleep(1)


async def _bare(run: Run, running: World, seconds: float) -> tuple[float, float]:
    """Webhooks a second that pgbench inserts: one a transaction, many a transaction."""
    run.report_progress("webhooks: the bare insert by pgbench, services stopped")
    url = running.stack.database_url
    single = await pgbench(url, _insert(1), run.folder, clients=_PGBENCH_CLIENTS, seconds=seconds)
    by_set = await pgbench(url, _insert(_ROWS_BY_SET), run.folder, clients=1, seconds=seconds)
    return single, by_set * _ROWS_BY_SET


def _insert(rows: int) -> str:
    """Copies of the newest read receipt's rows, as `store_webhook_deliveries` makes them."""
    return f"""
with sample as (
  select d.app_id, d.path, d.headers, d.body, d.traceparent, d.trace_id, i.org_id, i.kind,
    i.source_id, i.payload, gen_random_uuid() as delivery_id, gen_random_uuid() as log_id
  from (select * from ingest.webhook_items order by item_id desc limit 1) i
  join ingest.webhook_deliveries d using (delivery_id)
  cross join generate_series(1, {rows})
), stored as (
  insert into ingest.webhook_deliveries (delivery_id, app_id, path, headers, body, item_count,
    received_at, trace_id, traceparent)
  select delivery_id, app_id, path, headers, body, 1, now(), trace_id, traceparent from sample
), logged as (
  insert into ingest.webhook_delivery_log (org_id, id, delivery_id, event_type, event_id,
    received_at, item_count, created_at, trace_id)
  select org_id, log_id, delivery_id, kind, delivery_id::text, now(), 1, now(), trace_id
  from sample
)
insert into ingest.webhook_items (org_id, item_id, log_id, delivery_id, ordinal, kind, source_id,
  payload, received_at, due_at, trace_id, traceparent, linked_traceparent)
select org_id, gen_random_uuid(), log_id, delivery_id, 0, kind, source_id, payload, now(), now(),
  trace_id, traceparent, traceparent
from sample;
"""
