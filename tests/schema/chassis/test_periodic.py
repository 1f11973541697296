"""Ticks: the first process runs one, every other does nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.chassis.database import Database
from services.chassis.errors import unavailable
from services.chassis.loops import Stopping
from services.chassis.periodic import Task, all_periodically, run_tick
from services.chassis.trace import new_root
from tests.schema.chassis.outbox_rows import Admin

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def begins(database: Database, now: datetime, task: str = "sweep") -> bool:
    begun: bool = await database.value(
        "begin_tick", p_task=task, p_every_seconds=60.0,
        p_traceparent=new_root().traceparent, p_now=now,
    )  # fmt: skip
    return begun


async def test_a_tick_is_run_once_in_its_interval(ingest_db: Database) -> None:
    assert await begins(ingest_db, NOW)
    assert not await begins(ingest_db, NOW + timedelta(seconds=59))
    assert await begins(ingest_db, NOW + timedelta(seconds=60))
    assert await begins(ingest_db, NOW, task="another")


async def test_of_many_processes_at_once_one_runs_the_tick(
    ingest_db: Database, admin: Admin
) -> None:
    answers = await asyncio.gather(*[begins(ingest_db, NOW) for _ in range(20)])
    assert sum(answers) == 1
    assert await admin.fetchval("select count(*) from ingest.ticks") == 1


async def test_a_tick_whose_work_failed_is_free_again(ingest_db: Database, admin: Admin) -> None:
    await admin.execute(
        """create function ingest.probe(p_traceparent text, p_fails boolean) returns int
           language plpgsql as $$ begin
             if not ingest.begin_tick('probe', 60, p_traceparent, '2026-11-20 12:00Z') then
               return null;
             end if;
             if p_fails then raise exception 'no'; end if;
             return 7;
           end; $$; grant execute on function ingest.probe to waybill_ingest"""
    )
    trace = new_root().traceparent
    with pytest.raises(Exception, match="no"):
        await ingest_db.value("probe", p_traceparent=trace, p_fails=True)
    assert await ingest_db.value("probe", p_traceparent=trace, p_fails=False) == 7
    assert await ingest_db.value("probe", p_traceparent=trace, p_fails=False) is None


async def test_an_outage_leaves_the_tick_to_the_next_and_a_bug_rises() -> None:
    async def away(_: str) -> int:
        raise unavailable("away")

    async def broken(_: str) -> int:
        raise KeyError("x")

    await run_tick(Task(name="away", every_seconds=60, run=away))
    with pytest.raises(KeyError):
        await run_tick(Task(name="broken", every_seconds=60, run=broken))


async def test_tasks_run_side_by_side_until_the_process_stops() -> None:
    stopping, both = Stopping(), asyncio.Barrier(2)
    traces: list[str] = []

    async def sweep(traceparent: str) -> int:
        traces.append(traceparent)
        await both.wait()
        stopping.set()
        return 1

    tasks = [Task(name=name, every_seconds=3600, run=sweep) for name in ("one", "two")]
    await asyncio.wait_for(all_periodically(tasks, stopping), 10)
    assert len(set(traces)) == 2
