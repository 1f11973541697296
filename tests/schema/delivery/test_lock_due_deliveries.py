"""Whose turn it is: what a claim takes while more is due than fits."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from services.chassis.database import Database, Record
from tests.schema.delivery.builders import Workspace, a_workspace, claim, later, offered

IN_FLIGHT = 200
SPARE = 50
PER_WORKSPACE = 50


async def take(db: Database, busy: Mapping[UUID, int], *, seconds: float = 1) -> list[Record]:
    """What a worker with so much under way claims next."""
    return await claim(
        db,
        workspace_limit=PER_WORKSPACE,
        in_flight_limit=IN_FLIGHT,
        spare=SPARE,
        busy=busy,
        now=later(seconds),
    )


async def fill(db: Database, busy: Counter[UUID] | None = None) -> Counter[UUID]:
    """What is under way when a worker without any answers has claimed all it may."""
    busy = Counter(busy or {})
    while rows := await take(db, busy):
        busy.update(row["workspace_id"] for row in rows)
    return busy


async def backlogged(db: Database, workspaces: int, deliveries: int) -> list[Workspace]:
    """Workspaces with so many due deliveries each."""
    made = [await a_workspace(db, credits=deliveries) for _ in range(workspaces)]
    for workspace in made:
        await offered(db, workspace, deliveries)
    return made


async def test_a_newcomer_is_served_though_four_backlogs_wait_and_no_buyer_answers(
    delivery_db: Database,
) -> None:
    hogs = await backlogged(delivery_db, 4, 100)
    busy = await fill(delivery_db)
    assert busy == {hog.workspace_id: 40 for hog in hogs}
    newcomer = await a_workspace(delivery_db, credits=20)
    await offered(delivery_db, newcomer, 20, now=later(1))
    busy = await fill(delivery_db, busy)
    assert busy[newcomer.workspace_id] == 20


async def test_what_an_answer_frees_goes_to_the_workspace_with_the_fewest_under_way(
    delivery_db: Database,
) -> None:
    hogs = await backlogged(delivery_db, 4, 100)
    newcomer = await a_workspace(delivery_db, credits=20)
    await offered(delivery_db, newcomer, 20, now=later(1))
    # As it was before the newcomer came, but for one answer.
    full = {hog.workspace_id: PER_WORKSPACE for hog in hogs}
    rows = await take(delivery_db, full | {hogs[0].workspace_id: PER_WORKSPACE - 1})
    assert [row["workspace_id"] for row in rows] == [newcomer.workspace_id]


async def test_of_each_backlog_the_oldest_go_first(delivery_db: Database) -> None:
    hogs = [await a_workspace(delivery_db, credits=100) for _ in range(2)]
    offers = {}
    for hog in hogs:
        younger = await offered(delivery_db, hog, 60, now=later(1))
        offers[hog.workspace_id] = [*await offered(delivery_db, hog, 60), *younger]
    rows = await claim(delivery_db, limit=80, now=later(1))
    assert Counter(row["workspace_id"] for row in rows) == {hog.workspace_id: 40 for hog in hogs}
    for workspace_id, made in offers.items():
        assert {row["delivery_id"] for row in rows if row["workspace_id"] == workspace_id} == {
            offer.delivery_id for offer in made[:40]
        }


async def test_a_backlog_beside_many_with_little_to_do_is_worked_off_at_full_width(
    delivery_db: Database,
) -> None:
    (hog,) = await backlogged(delivery_db, 1, 120)
    small = await backlogged(delivery_db, 19, 1)
    busy = await fill(delivery_db)
    assert busy == {hog.workspace_id: PER_WORKSPACE} | dict.fromkeys(
        (each.workspace_id for each in small), 1
    )


async def test_of_more_backlogs_than_there_is_room_for_the_oldest_go_first(
    delivery_db: Database,
) -> None:
    old = await a_workspace(delivery_db, credits=1)
    await offered(delivery_db, old, 1)
    young = [await a_workspace(delivery_db, credits=1) for _ in range(3)]
    for workspace in young:
        await offered(delivery_db, workspace, 1, now=later(1))
    (row,) = await claim(delivery_db, limit=1, now=later(1))
    assert row["workspace_id"] == old.workspace_id


async def test_nothing_goes_beyond_what_may_be_under_way_in_all(delivery_db: Database) -> None:
    await backlogged(delivery_db, 30, 10)
    busy = await fill(delivery_db)
    assert IN_FLIGHT - SPARE <= busy.total() <= IN_FLIGHT
    assert max(busy.values()) - min(busy.values()) <= 1


@pytest.mark.parametrize("backlog", [100, 1000])
async def test_a_claim_that_finds_only_full_workspaces_does_not_read_their_backlog(
    delivery_db: Database, admin: Any, backlog: int
) -> None:
    (hog,) = await backlogged(delivery_db, 1, backlog)
    await admin.execute("analyze delivery.deliveries")
    read = """
        select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables
        where relid = 'delivery.deliveries'::regclass"""
    async with admin.transaction():
        before = await admin.fetchval(read)
        found = await admin.fetch(
            """select * from delivery.lock_due_deliveries(10, $1, 200, 50,
              array[$2::uuid], array[$1::int], null, $3)""",
            *(PER_WORKSPACE, hog.workspace_id, later(1)),
        )
        assert found == []
        assert 0 < await admin.fetchval(read) - before < 50
