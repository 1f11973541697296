"""The migration that set what leads say apart loses none, up or down, whatever runs meanwhile."""

import asyncio
import subprocess
import sysconfig
from pathlib import Path
from uuid import uuid4

import asyncpg

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.migrate import Schema, dbmate_url, up
from tests.schema.routing.builders import (
    Admin,
    a_hash,
    a_lead,
    a_routed_lead,
    a_workspace,
    acquire,
    complete,
    fail,
    leads,
)

ROUTING = Schema(name="routing")
DBMATE = Path(sysconfig.get_path("scripts")) / "dbmate"
FROM = "0006"
# As the migration met them: all that a lead is, in one row.
LEADS_BEFORE = """
select lead_id, source_id, phone, email, facts, received_at, routing_status, due_at,
  dedupe_hash_count, workspace_id, trace_id
from routing.leads order by 1"""
LEADS_AFTER = """
select lead_id, f.source_id, f.phone, f.email, f.facts, f.received_at, l.routing_status, l.due_at,
  l.dedupe_hash_count, l.workspace_id, l.trace_id
from routing.leads l join routing.lead_facts f using (org_id, lead_id) order by 1"""
OLD_LEAD = """
insert into routing.leads (org_id, lead_id, source_id, phone, email, facts, received_at,
  enqueued_at, due_at, lead_expires_at, trace_id, traceparent)
select org_id, $1, source_id, phone, email, facts, received_at, enqueued_at, due_at,
  lead_expires_at, trace_id, traceparent
from routing.leads limit 1"""


def dbmate(database_url: str, command: str) -> None:
    done = subprocess.run(
        [
            DBMATE,
            *("--migrations-dir", ROUTING.folder / "migrations", "--no-dump-schema"),
            *("--migrations-table", "routing.schema_migrations", command),
        ],
        env={"DATABASE_URL": dbmate_url(ROUTING, database_url)},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()


def roll_back(database_url: str) -> None:
    """Takes back every migration from that one on, newest first."""
    for _ in [path for path in (ROUTING.folder / "migrations").glob("*.sql") if path.name >= FROM]:
        dbmate(database_url, "rollback")


async def test_leads_in_every_state_are_carried_over_and_back(
    routing_db: Database, database_url: str, admin: Admin
) -> None:
    org_id, phone = uuid4(), a_hash()
    workspace_id = await a_workspace(routing_db, org_id)
    await a_routed_lead(routing_db, org_id, workspace_id, [phone, a_hash()])
    duplicate, failed = await leads(routing_db, org_id, 2)
    token = new_id()
    await acquire(routing_db, token=token)
    answer = await complete(routing_db, token, org_id, duplicate, workspace_id, [phone, a_hash()])
    assert answer[0] == "duplicate"
    await fail(routing_db, token, org_id, failed)
    await leads(routing_db, org_id, 2)
    await acquire(routing_db, limit=1)
    before = await admin.fetch(LEADS_AFTER)
    assert {row["routing_status"] for row in before} == {"routed", "failed", "routing", "pending"}

    roll_back(database_url)
    assert await admin.fetch(LEADS_BEFORE) == before

    await up(ROUTING, database_url)
    assert await admin.fetch(LEADS_AFTER) == before
    assert [row["violations"] for row in await routing_db.rows("verify_books")] == [[]] * 5


async def test_a_lead_that_is_taken_over_meanwhile_keeps_what_it_says(
    routing_db: Database, database_url: str, admin: Admin
) -> None:
    await a_lead(routing_db, uuid4())
    roll_back(database_url)
    other, late = await asyncpg.connect(database_url), new_id()
    try:
        async with other.transaction():
            await other.execute(OLD_LEAD, late)
            migrating = asyncio.create_task(asyncio.to_thread(dbmate, database_url, "migrate"))
            waits = "select count(*) from pg_locks where not granted and database is not null"
            while not await admin.fetchval(waits):
                assert not migrating.done()
        await migrating
    finally:
        await other.close()
    await up(ROUTING, database_url)
    assert late in [row["lead_id"] for row in await admin.fetch(LEADS_AFTER)]
    assert len(await acquire(routing_db)) == 2
