"""The whole system as real processes; one stack a session, one customer a test."""

import secrets
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest

from deploy.local.ports import free_port
from deploy.local.sample_customer import Customer, SampleOrg, set_up
from deploy.local.samples import Samples
from deploy.local.stack import Options, Stack, running_stack
from tests.system.waiting import until


def discard(_: str) -> None:
    """Drops progress: it is for people."""


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything `make run` starts, in a folder and on ports of its own."""
    folder = tmp_path_factory.mktemp("stack")
    async with running_stack(folder, Options(edge_port=free_port()), discard) as started:
        yield started


@pytest.fixture(scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client of the outside world."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as opened:
        yield opened


async def a_customer(
    stack: Stack, session: aiohttp.ClientSession, *, credits: int = 100
) -> Customer:
    """A fresh org with sources, workspaces, endpoints, rules and credits of its own."""
    number = 10**14 + secrets.randbelow(10**14)
    org = SampleOrg(
        name=f"test-{secrets.token_hex(4)}", page_id=str(number), phone_number_id=str(number + 1)
    )

    async def made() -> Customer:
        return await set_up(
            session,
            edge_url=stack.edge_url,
            buyers_url=stack.buyers_url,
            keys=stack.keys,
            run="only",
            org=org,
            credits=credits,
        )

    # The test before may have killed what the edge has not seen back yet: set-up is safe to repeat,
    # and a caller that is asked to try again later does.
    return await until(made)


@pytest.fixture
async def customer(stack: Stack, session: aiohttp.ClientSession) -> Customer:
    """A fresh customer."""
    return await a_customer(stack, session)


@pytest.fixture
def samples(stack: Stack, customer: Customer) -> Samples:
    """The samples, for the test's customer."""
    return Samples(
        customer, edge_url=stack.edge_url, meta_url=stack.meta_url, buyers_url=stack.buyers_url
    )


@pytest.fixture
async def rows(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A superuser's connection, for looking at rows and for tampering."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        yield connection
    finally:
        await connection.close()
