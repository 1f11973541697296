"""The delivery service as a process of its own: ended gently, killed, badly set up."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc

from deploy.local.keys import Keys
from deploy.local.ports import free_port
from services.chassis.database import Database
from tests.conftest import with_login
from tests.rpc.delivery.world import Buyer, Callers, FakeRouting, World, serving_routing
from tests.schema.delivery.builders import broken_equations, claim

READY_SECONDS = 90
MakeBuyer = Callable[[str], Buyer]


@asynccontextmanager
async def delivery_process(
    keys: Keys, database: Database, database_url: str, log: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, World]]:
    """`python -m services.delivery`, ready; ended if it still runs afterwards."""
    # Of routing's methods delivery calls one.
    routing, port = FakeRouting(), free_port()  # type: ignore[abstract]
    async with serving_routing(routing) as routing_port:
        settings = {
            "DATABASE_URL": with_login(database_url, "waybill_delivery"),
            "LISTEN": f"127.0.0.1:{port}",
            "JWKS_FILE": str(keys.jwks_file),
            "TOKEN_FILE": str(keys.token_file("delivery")),
            "SEALING_KEYS_FILE": str(keys.sealing_file),
            "ROUTING_TARGET": f"127.0.0.1:{routing_port}",
            "OUTBOUND_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            "OUTBOUND_HTTP_HOSTS": '["127.0.0.1"]',
        }
        env = {**os.environ, **{f"WAYBILL_DELIVERY_{key}": text for key, text in settings.items()}}
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.delivery"), env=env, stdout=output, stderr=output
            )
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                async with asyncio.timeout(READY_SECONDS):
                    await channel.channel_ready()
                world = World(
                    callers=Callers(channel, keys),
                    database=database,
                    routing=routing,
                )
                yield process, world
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_a_lead_is_delivered_and_a_stop_waits_for_what_is_under_way(
    keys: Keys,
    delivery_db: Database,
    database_url: str,
    buyer: MakeBuyer,
    tmp_path: Path,
) -> None:
    acme, log = buyer("acme"), tmp_path / "delivery.log"
    await acme.show("hang")
    async with delivery_process(keys, delivery_db, database_url, log) as (process, world):
        workspace = await world.a_workspace(acme.url, credits=1)
        await workspace.offer(workspace.a_lead())
        await acme.received(1)
        process.terminate()
        await acme.release()
        async with asyncio.timeout(READY_SECONDS):
            assert await process.wait() == 0
    (row,) = await delivery_db.rows(
        "list_deliveries_v2",
        p_org_id=workspace.org_id,
        p_workspace_id=None,
        p_of_workspace_id=None,
        p_status=None,
        p_limit=10,
    )
    assert row["status"] == "DELIVERED"
    lines = log.read_text()
    for personal in ("Ada", "+49151", "whsec_"):
        assert personal not in lines


async def test_a_worker_killed_before_it_reports_leaves_the_attempt_unknown_and_the_same_id(
    keys: Keys,
    delivery_db: Database,
    database_url: str,
    buyer: MakeBuyer,
    admin: Any,
    tmp_path: Path,
) -> None:
    acme, log = buyer("acme"), tmp_path / "delivery.log"
    await acme.show("hang")
    async with delivery_process(keys, delivery_db, database_url, log) as (process, world):
        workspace = await world.a_workspace(acme.url, credits=1)
        delivery_id = await workspace.a_delivery()
        (request,) = await acme.received(1)
        async with admin.transaction():
            # The report cannot be written while we hold the row.
            await admin.execute("select from delivery.deliveries for update")
            await acme.release()
            await _wait_until_blocked(admin)
            process.kill()
            await process.wait()
            # Its backends would not notice before they have the row.
            await _end_blocked_backends(admin)
    (row,) = await claim(delivery_db, now=datetime.now(UTC) + timedelta(seconds=61))
    assert str(row["delivery_id"]) == request["webhook_id"] == delivery_id
    outcomes = await admin.fetch("select number, outcome from delivery.attempts order by number")
    assert [tuple(one) for one in outcomes] == [(1, "unknown"), (2, None)]
    assert await broken_equations(delivery_db) == {}


async def test_missing_and_bad_settings_are_named_all_at_once() -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("WAYBILL_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.delivery"),
        env={**env, "WAYBILL_DELIVERY_SEND_BATCH_DELIVERIES_MAX": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    for name in ("DATABASE_URL", "LISTEN", "ROUTING_TARGET", "SEND_BATCH_DELIVERIES_MAX"):
        assert f"WAYBILL_DELIVERY_{name}" in errors.decode()


# pg_stat_activity would stand still for the length of our transaction.
BLOCKED = "from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))"


async def _wait_until_blocked(admin: Any) -> None:
    """Returns as soon as a backend waits for our lock."""
    async with asyncio.timeout(READY_SECONDS):
        while not await admin.fetchval(f"select exists (select {BLOCKED}) from pg_sleep(0.02)"):
            pass


async def _end_blocked_backends(admin: Any) -> None:
    """Ends every backend that waits for our lock; returns when there is none."""
    async with asyncio.timeout(READY_SECONDS):
        while await admin.fetch(f"select pg_terminate_backend(pid, 5000) {BLOCKED}"):
            pass
