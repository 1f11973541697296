"""The fault_injection: it strikes the one answer that it waits for, once its work is committed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import pytest

from sandbox.fault_proxy import CutAfter, FaultProxy
from sandbox.postgres_fault_injection import FaultInjection

TAKE = """
create table taken (n int);
create function take(p_count int) returns setof int language sql as $$
  insert into taken select generate_series(1, p_count) returning n
$$;
"""
CALL = "select * from public.take($1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A database behind a proxy, a client of it, and a connection that reads the rows directly."""

    proxy: FaultProxy
    fault_injection: FaultInjection
    client: "asyncpg.Connection[asyncpg.Record]"
    admin: "asyncpg.Connection[asyncpg.Record]"

    def cut(self) -> None:
        """What the fault_injection does."""
        self.proxy.fault = CutAfter(to_client_bytes=0)

    async def taken(self) -> int:
        """How many rows were committed."""
        count: int = await self.admin.fetchval("select count(*) from taken")
        return count


@pytest.fixture
async def world(
    database_url: str, admin: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[World]:
    await admin.execute(TAKE)
    server, fault_injection = urlsplit(database_url), FaultInjection()
    assert server.hostname is not None
    assert server.port is not None
    async with FaultProxy(server.hostname, server.port, watch=fault_injection.watch) as proxy:
        url = database_url.replace(f":{server.port}/", f":{proxy.port}/")
        client = await asyncpg.connect(url)
        try:
            yield World(proxy=proxy, fault_injection=fault_injection, client=client, admin=admin)
        finally:
            client.terminate()


@pytest.mark.parametrize("before", [0, 2], ids=["prepared again", "prepared before"])
async def test_the_answer_is_lost_and_its_work_is_committed(world: World, before: int) -> None:
    for _ in range(before):
        await world.client.fetch(CALL, 1)
    world.fault_injection.arm("public.take", world.cut)
    with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
        await world.client.fetch(CALL, 3)
    assert world.fault_injection.triggered.is_set()
    await world.fault_injection.given_up.wait()
    assert await world.taken() == before + 3


async def test_a_long_answer_is_lost_as_a_whole(world: World) -> None:
    world.fault_injection.arm("public.take", world.cut)
    with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
        await world.client.fetch(CALL, 50_000)
    assert await world.taken() == 50_000


async def test_what_is_not_waited_for_passes(world: World) -> None:
    world.fault_injection.arm("public.take", world.cut)
    assert len(await world.client.fetch("select * from generate_series(1, 50000)")) == 50_000
    assert await world.client.fetch(CALL, 0) == []
    assert not world.fault_injection.triggered.is_set()
    world.fault_injection.disarm()
    assert len(await world.client.fetch(CALL, 2)) == 2
