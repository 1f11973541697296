"""Servers that the console asks."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.unit.console.fake_traces import FakeTraces, Services, Serving, served


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Starts a TraceService for each service named: `await serving(ingest=FakeTraces(…))`."""
    async with AsyncExitStack() as stack:

        async def start(**traces: FakeTraces) -> Services:
            addresses = {
                name: await stack.enter_async_context(served(each)) for name, each in traces.items()
            }
            return Services(addresses)

        yield start
