"""A service without its database says so, and says when it is there again."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.postgres import EmbeddedPostgres
from services.chassis.config import ServiceConfig
from services.chassis.database import Database, pooled
from services.chassis.rpc.readiness import watch
from services.chassis.rpc.server import serving
from services.chassis.trace_service import trace_registration
from tests.rpc.callers import Signer
from tests.rpc.chassis.served import config_in

STATUS = health_pb2.HealthCheckResponse


async def test_one_failed_probe_is_no_outage_and_each_change_is_told_once() -> None:
    probed = iter([True, False, True, False, False, False, True, True])
    reported: list[bool] = []
    over = asyncio.Event()

    async def probe() -> bool:
        held = next(probed, None)
        if held is None:
            over.set()
            return True
        return held

    async def report(ready: bool) -> None:
        reported.append(ready)

    watching = asyncio.create_task(watch([probe], report, every_seconds=0, retry_seconds=0))
    await asyncio.wait_for(over.wait(), 5)
    watching.cancel()
    assert reported == [False, True]


async def test_a_pool_whose_connections_are_all_at_work_is_no_outage(
    ingest_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chassis.database._PROBE_SECONDS_MAX", 0.1)
    pool = ingest_db._pool
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    try:
        assert await ingest_db.reachable()
    finally:
        for connection in held:
            await pool.release(connection)


async def test_a_killed_database_makes_health_say_so_until_it_is_back(tmp_path: Path) -> None:
    state = tmp_path / "postgres"
    (tmp_path / "service").mkdir()
    async with EmbeddedPostgres(state) as postgres:
        config = with_url(config_in(tmp_path / "service", Signer()), postgres.url)
        async with (
            pooled("public", config) as database,
            serving(config, {}, [trace_registration(database, "ingest")]) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            health: Any = health_pb2_grpc.HealthStub(channel)
            reported = health.Watch(health_pb2.HealthCheckRequest(service=""))
            assert (await asyncio.wait_for(reported.read(), 10)).status == STATUS.SERVING
            await postgres.kill()
            assert (await asyncio.wait_for(reported.read(), 10)).status == STATUS.NOT_SERVING
            await postgres.start()
            assert (await asyncio.wait_for(reported.read(), 10)).status == STATUS.SERVING
            reported.cancel()


def with_url(config: ServiceConfig, url: str) -> ServiceConfig:
    return config.model_copy(update={"database_url": url})
