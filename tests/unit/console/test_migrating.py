"""`waybill migrate` against a real database."""

import asyncio
import json
import os
import secrets
import sys

import asyncpg

from tests.conftest import with_database


async def migrate(url: str, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.console", "migrate", *arguments),
        env=os.environ | {"WAYBILL_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_a_schema_goes_up_says_where_it_stands_and_goes_down(postgres_url: str) -> None:
    name = f"migrate_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"create database {name}")
    url = with_database(postgres_url, name)
    try:
        assert await migrate(url, "up", "ingest") == (0, "")
        code, said = await migrate(url, "up", "ingest", "--json")
        assert (code, json.loads(said)) == (0, {"migrated": ["ingest"]})
        code, said = await migrate(url, "status", "ingest", "--json")
        assert code == 0
        stands = json.loads(said)["schemas"]["ingest"]
        assert stands["pending"] == []
        assert "0001_ingest.sql" in stands["applied"]
        assert (await migrate(url, "down", "ingest", "--yes"))[0] == 0
        target = await asyncpg.connect(url)
        assert await target.fetchval("select to_regnamespace('ingest')") is None
        await target.close()
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
