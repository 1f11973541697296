"""complete_delivery_and_consume_credit on one hot workspace: 64 callers, singly and together.

Every completion updates the same balance, so single calls queue for one row lock, each for the
length of a flush; together (the service's own group commit) they share lock, statement and flush.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from bench.cost import family_seconds
from bench.database import databases
from bench.figures import Figure, Target, ratio
from bench.latencies import Percentiles, per_second
from bench.run import Run
from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.delivery.manual_completions import ManualCompletions
from services.delivery.records import ManualCompletion
from services.delivery.store.deliveries import DeliveryStore

CALLERS: Final = 64
# As many as a service has; callers wait for one of them as they do there.
CONNECTIONS: Final = 8
_BATCH_MAX: Final = 32
_OFFERS_A_CALL: Final = 500
_WARM_UP: Final = 16 * CALLERS


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPace:
    """How fast completions went, how long each took, and PostgreSQL's CPU microseconds of each."""

    rate: float
    spread: Percentiles
    cpu_microseconds: float


async def measure(run: Run) -> list[Figure]:
    """Rates and latencies of both ways."""
    async with databases(run, "credits") as opened:
        database = await opened.open("delivery", connections=CONNECTIONS)
        store, server = DeliveryStore(database), opened.server.pid
        one_count, many_count = int(run.pick(2_000, 300)), int(run.pick(24_000, 600))
        count = one_count + many_count + 2 * _WARM_UP
        org_id, workspace_id = await _workspace(database, count)
        run.report_progress(f"credits: {count} deliveries are made")
        ready = await _deliveries(database, org_id, workspace_id, count)
        # First calls open connections and plan statements.
        await _complete(server, ready[-_WARM_UP:], lambda each: _singly(database, each))
        warm_up, ready = ready[-2 * _WARM_UP : -_WARM_UP], ready[: -2 * _WARM_UP]
        run.report_progress(f"credits: {one_count} completions, one call each")
        one = await _complete(server, ready[:one_count], lambda each: _singly(database, each))
        run.report_progress(f"credits: {many_count} completions by group commit")
        async with ManualCompletions(
            store, batch_deliveries_max=_BATCH_MAX, waiting_max=CALLERS
        ) as completions:
            await _complete(server, warm_up, completions.complete)
            many = await _complete(server, ready[one_count:], completions.complete)
    return [*_figures("one call each", one, 1_000), *_figures("group commit", many, 20_000, one)]


def _figures(
    way: str, pace: WorkerPace, target: float, other: WorkerPace | None = None
) -> list[Figure]:
    what = f"credit completions on one workspace, {CALLERS} callers, {way}"
    beside = f"{pace.cpu_microseconds:.0f} µs of PostgreSQL's CPU"
    if other:
        beside = f"{ratio(pace.rate, other.rate, 'single calls')}; {beside}"
    late = Target(value=10, at_most=True) if other else None
    return [
        Figure(what=what, value=pace.rate, unit="/s", target=Target(value=target), beside=beside),
        Figure(what=f"{what}: p50", value=pace.spread.p50, unit="ms"),
        Figure(what=f"{what}: p99", value=pace.spread.p99, unit="ms", target=late),
    ]


async def _workspace(database: Database, credits: int) -> tuple[UUID, UUID]:
    org_id, workspace_id = uuid4(), uuid4()
    await database.rows(
        "save_workspaces",
        p_org_ids=[org_id],
        p_workspace_ids=[workspace_id],
        p_offer_policies=["direct"],
        p_traceparents=[new_root().traceparent],
    )
    await database.row(
        "grant_credits",
        p_org_id=org_id,
        p_workspace_id=workspace_id,
        p_credits=credits,
        p_reason="bench",
        p_request_id=uuid4().hex,
        p_request_hash=uuid4().hex,
        p_traceparent=new_root().traceparent,
    )
    return org_id, workspace_id


async def _deliveries(
    database: Database, org_id: UUID, workspace_id: UUID, count: int
) -> list[ManualCompletion]:
    made: list[ManualCompletion] = []
    while len(made) < count:
        size = min(_OFFERS_A_CALL, count - len(made))
        batch = [
            ManualCompletion(
                org_id=org_id, delivery_id=new_id(), traceparent=new_root().traceparent
            )
            for _ in range(size)
        ]
        await database.rows(
            "offer_leads",
            p_org_ids=[org_id] * size,
            p_offer_ids=[new_id() for _ in batch],
            p_delivery_ids=[each.delivery_id for each in batch],
            p_lead_ids=[new_id() for _ in batch],
            p_workspace_ids=[workspace_id] * size,
            p_offer_policies=["direct"] * size,
            p_payloads=['{"details": "Two rooms, near the river."}'] * size,
            p_traceparents=[each.traceparent for each in batch],
            p_tracestates=[""] * size,
        )
        made += batch
    return made


async def _singly(database: Database, completion: ManualCompletion) -> str:
    outcome: str = await database.value(
        "complete_delivery_and_consume_credit",
        p_org_id=completion.org_id,
        p_delivery_id=completion.delivery_id,
        p_traceparent=completion.traceparent,
    )
    return outcome


async def _complete(
    server: int,
    ready: Sequence[ManualCompletion],
    complete: Callable[[ManualCompletion], Awaitable[str]],
) -> WorkerPace:
    """Completes all of them, each caller one after the other."""
    waiting = iter(ready)
    seconds: list[float] = []

    async def caller() -> None:
        for each in waiting:
            began = time.perf_counter()
            if (outcome := await complete(each)) != "completed":
                raise RuntimeError(f"a delivery of the bench ended as {outcome}")
            seconds.append(time.perf_counter() - began)

    spent = family_seconds(server)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller())
    taken = time.perf_counter() - started
    return WorkerPace(
        rate=per_second(len(seconds), taken),
        spread=Percentiles.of_seconds(seconds),
        cpu_microseconds=(family_seconds(server) - spent) / len(seconds) * 1e6,
    )
