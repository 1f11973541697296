"""Scheduling as processes of their own, over the test's database."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import grpc
import pytest

from deploy.local.keys import Keys
from deploy.local.ports import free_port
from deploy.local.state import State
from tests.conftest import with_login
from tests.rpc.scheduling.callers import Tenant

READY_SECONDS = 30


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Keys of a state folder of our own."""
    made = Keys(State.open(tmp_path))
    made.renew_service_tokens(["scheduling"])
    return made


@asynccontextmanager
async def a_process(keys: Keys, database_url: str, log: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to `python -m services.scheduling`, ready; it must end with exit code 0."""
    port = free_port()
    settings = {
        "DATABASE_URL": with_login(database_url, "waybill_scheduling"),
        "LISTEN": f"127.0.0.1:{port}",
        "HTTP_LISTEN": "127.0.0.1:0",
        "JWKS_FILE": str(keys.jwks_file),
        "TOKEN_FILE": str(keys.token_file("scheduling")),
        "SEALING_KEYS_FILE": str(keys.sealing_file),
        "OUTBOUND_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "OUTBOUND_HTTP_HOSTS": '["127.0.0.1"]',
        "EXPIRE_HOLDS_EVERY_SECONDS": "0.2",
        "POLL_SECONDS": "0.2",
    }
    env = {**os.environ, **{f"WAYBILL_SCHEDULING_{key}": each for key, each in settings.items()}}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.scheduling"), env=env, stdout=output, stderr=output
        )
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            async with asyncio.timeout(READY_SECONDS):
                await channel.channel_ready()
            yield channel
        process.terminate()
        async with asyncio.timeout(READY_SECONDS):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def channels(
    keys: Keys, database_url: str, tmp_path: Path
) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Channels to two processes over the same database."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                a_process(keys, database_url, tmp_path / f"scheduling-{number}.log")
            )
            for number in range(2)
        ]


@pytest.fixture
def org_id() -> UUID:
    """A tenant."""
    return uuid4()


@pytest.fixture
def tenants(channels: list[grpc.aio.Channel], keys: Keys, org_id: UUID) -> list[Tenant]:
    """The same tenant at each of the two processes."""
    return [Tenant(channel, keys, org_id) for channel in channels]


@pytest.fixture
async def tenant(
    keys: Keys, database_url: str, tmp_path: Path, org_id: UUID
) -> AsyncIterator[Tenant]:
    """The tenant at a single process."""
    async with a_process(keys, database_url, tmp_path / "scheduling.log") as channel:
        yield Tenant(channel, keys, org_id)
