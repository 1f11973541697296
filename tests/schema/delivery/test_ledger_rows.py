"""The migration that made one row of a transaction and its entries loses none, up or down."""

import asyncio
import subprocess
import sysconfig
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from services.chassis.database import Database
from services.chassis.migrate import Schema, dbmate_url, up
from services.chassis.trace import new_root
from tests.schema.delivery.builders import (
    a_workspace,
    broken_equations,
    claim,
    complete,
    finish,
    offered,
)

DELIVERY = Schema(name="delivery")
DBMATE = Path(sysconfig.get_path("scripts")) / "dbmate"
FROM = "0006"
ENTRIES = """
select transaction_id, workspace_id, version, account, amount, balance_after, trace_id
from delivery.credit_entries
order by workspace_id, version, account"""


def dbmate(database_url: str, command: str) -> None:
    done = subprocess.run(
        [
            DBMATE,
            *("--migrations-dir", DELIVERY.folder / "migrations", "--no-dump-schema"),
            *("--migrations-table", "delivery.schema_migrations", command),
        ],
        env={"DATABASE_URL": dbmate_url(DELIVERY, database_url)},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()


def roll_back(database_url: str) -> None:
    """Takes back every migration from that one on, newest first."""
    for _ in [path for path in (DELIVERY.folder / "migrations").glob("*.sql") if path.name >= FROM]:
        dbmate(database_url, "rollback")


async def kind_of_entries(admin: Any) -> bytes:
    kind: bytes = await admin.fetchval(
        "select relkind from pg_class where oid = 'delivery.credit_entries'::regclass"
    )
    return kind


async def test_entries_are_carried_over_and_back(
    delivery_db: Database, database_url: str, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for _ in range(2):
        workspace = await a_workspace(delivery_db, credits=3)
        by_hand, kept, _ = await offered(delivery_db, workspace, 3)
        await complete(delivery_db, [by_hand])
        token = uuid4()
        rows = await claim(delivery_db, token=token)
        mine = [row for row in rows if row["delivery_id"] == kept.delivery_id]
        await finish(delivery_db, mine, token, action="complete")
        rest = [row for row in rows if row["delivery_id"] != kept.delivery_id]
        await finish(delivery_db, rest, token, action="fail", reason="returned")
    before = await admin.fetch(ENTRIES)
    types = await admin.fetchval(
        "select count(distinct (type, from_account)) from delivery.credit_transactions"
    )
    assert (len(before), types) == (24, 5)

    roll_back(database_url)
    assert await kind_of_entries(admin) == b"r"
    assert await admin.fetch(ENTRIES) == before

    await up(DELIVERY, database_url)
    assert await kind_of_entries(admin) == b"v"
    assert await admin.fetch(ENTRIES) == before
    assert await broken_equations(delivery_db) == {}


async def test_migrating_while_an_account_is_waited_for_ends_neither(
    delivery_db: Database, database_url: str, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Who wakes deliveries has locked the account before; completions, the deliveries."""
    workspace = await a_workspace(delivery_db)
    roll_back(database_url)
    endpoint_id = await admin.fetchval(
        "update delivery.endpoints set status = 'disabled' returning endpoint_id"
    )

    async def waiting(count: int) -> None:
        waits = "select count(*) from pg_locks where not granted"
        while await admin.fetchval(waits) < count:
            continue

    holder = await asyncpg.connect(database_url)
    try:
        async with holder.transaction():
            await holder.execute("select from delivery.credit_accounts for update")
            waking = asyncio.create_task(
                delivery_db.rows(
                    "enable_endpoint",
                    p_org_id=workspace.org_id,
                    p_endpoint_id=endpoint_id,
                    p_traceparent=new_root().traceparent,
                )
            )
            await waiting(1)
            migrating = asyncio.create_task(asyncio.to_thread(dbmate, database_url, "migrate"))
            await waiting(2)
        await migrating
        assert len(await waking) == 1
    finally:
        await holder.close()
    await up(DELIVERY, database_url)
    assert await broken_equations(delivery_db) == {}
