"""How the statements of stored functions are run on large tables, as the service's role."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from services.chassis.database import SETTINGS

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@asynccontextmanager
async def filling(admin: Admin, service: str, *tables: str) -> AsyncIterator[None]:
    """Tables that are filled inside the block, only for reading; keys stay, triggers do not run.

    Other indexes are built afterwards, as they are defined, which takes a tenth of the time.
    """
    indexes = await admin.fetch(
        "select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as text"
        " from pg_index where indrelid = any ($1::regclass[])"
        " and not exists (select from pg_constraint c where c.conindid = indexrelid)",
        [f"{service}.{table}" for table in tables],
    )
    async with admin.transaction():
        for index in indexes:
            await admin.execute(f"drop index {index['name']}")
        await admin.execute("set local session_replication_role = replica")
        yield
        for index in indexes:
            await admin.execute(index["text"])
    for table in tables:
        await admin.execute(f"vacuum analyze {service}.{table}")


async def plans_of(
    admin: Admin, service: str, tables: Sequence[str], call: str, *arguments: Any
) -> list[str]:
    """How every statement of a function on these tables was run, as on a pooled connection."""
    heard: list[str] = []

    def hear(_: Any, message: Any) -> None:
        heard.append(message.message)

    await admin.execute(
        "load 'auto_explain';"
        " set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;"
        " set auto_explain.log_analyze = on; set auto_explain.log_timing = off"
    )
    for name, value in SETTINGS.items():
        await admin.execute(f"set {name} = {value}")
    admin.add_log_listener(hear)
    async with admin.transaction():
        await admin.execute("set local client_min_messages = log")
        await admin.execute(f"set local role waybill_{service}")
        await admin.fetch(f"select * from {service}.{call}", *arguments)
    admin.remove_log_listener(hear)
    of_tables = re.compile(rf"(on|using) (\w+ on )?({'|'.join(tables)})\b")
    return [text for text in heard if of_tables.search(text)]


def rows_looked_at(plans: Sequence[str], tables: Sequence[str]) -> int:
    """How many rows the scans of these tables brought or threw away."""
    of_table = re.compile(rf"Scan .*on ({'|'.join(tables)})\b.*rows=([\d.]+) loops=(\d+)")
    looked_at = 0
    for node in re.split(r"->|\n(?=Limit|Sort|Group|Nested)", "\n".join(plans)):
        if scan := of_table.search(node):
            removed = re.search(r"Rows Removed by (?:Filter|Index Recheck): (\d+)", node)
            each = float(scan[2]) + float(removed[1] if removed else 0)
            looked_at += int(each * int(scan[3]))
    return looked_at
