"""Servers that the console asks."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.console.settings import SERVICES
from tests.unit.console.fake_traces import FakeTraces, Services, Serving, served
from waybill.trace.v1.trace_service_pb2 import VerifyBooksResponse

LEAD_PATH = ("ingest", "routing", "delivery")


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Starts a TraceService for each service named: `await serving(ingest=FakeTraces(…))`."""
    async with AsyncExitStack() as stack:

        async def start(**traces: FakeTraces) -> Services:
            # Of the lead path's services a test leaves some away; the others then know nothing.
            others = [name for name in SERVICES if name not in LEAD_PATH and traces]
            quiet = {name: FakeTraces(consistency=[VerifyBooksResponse()]) for name in others}
            addresses = {
                name: await stack.enter_async_context(served(each))
                for name, each in {**quiet, **traces}.items()
            }
            return Services(addresses)

        yield start
