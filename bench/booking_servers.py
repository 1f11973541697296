"""Two processes of scheduling over the bench's database, and a tenant who books at both."""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import grpc

from deploy.local.keys import Keys
from deploy.local.ports import free_port
from deploy.local.state import State
from services.chassis.errors import from_call
from waybill.scheduling.v1 import scheduling_service_pb2 as pb
from waybill.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub

SERVERS: Final = 2
CALL_SECONDS: Final = 60
_READY_SECONDS: Final = 30


class Tenant:
    """Books by gRPC, at one process and the other in turn."""

    def __init__(self, channels: list[grpc.aio.Channel], keys: Keys, org_id: UUID) -> None:
        self._stubs: Any = itertools.cycle([SchedulingServiceStub(each) for each in channels])
        self._metadata = (("authorization", f"Bearer {keys.tenant_token(org_id)}"),)
        self.org_id = org_id

    async def book(self, calendar_id: UUID, start: datetime, end: datetime) -> str:
        """'booked', or why not."""
        request = pb.BookAppointmentRequest(
            calendar_id=str(calendar_id),
            contact_id=str(uuid4()),
            duration_minutes=int((end - start).total_seconds() / 60),
        )
        request.scheduled_at.FromDatetime(start)
        call = next(self._stubs).BookAppointment
        try:
            await call(request, timeout=CALL_SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as failed:
            error = from_call(failed)
            return error.reason if error else failed.code().name
        return "booked"


@asynccontextmanager
async def served(database_url: str, folder: Path, org_id: UUID) -> AsyncIterator[Tenant]:
    """The tenant at two processes that are ready; they are ended with the block."""
    keys = Keys(State.open(folder))
    keys.renew_service_tokens(["scheduling"])
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(_process(keys, database_url, folder / f"{number}.log"))
            for number in range(SERVERS)
        ]
        yield Tenant(channels, keys, org_id)


@asynccontextmanager
async def _process(keys: Keys, database_url: str, log: Path) -> AsyncIterator[grpc.aio.Channel]:
    port = free_port()
    settings = {
        "DATABASE_URL": database_url,
        "LISTEN": f"127.0.0.1:{port}",
        "HTTP_LISTEN": "127.0.0.1:0",
        "JWKS_FILE": str(keys.jwks_file),
        "TOKEN_FILE": str(keys.token_file("scheduling")),
        "SEALING_KEYS_FILE": str(keys.sealing_file),
    }
    env = {**os.environ, **{f"WAYBILL_SCHEDULING_{key}": each for key, each in settings.items()}}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.scheduling"), env=env, stdout=output, stderr=output
        )
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            async with asyncio.timeout(_READY_SECONDS):
                await channel.channel_ready()
            yield channel
        process.terminate()
        async with asyncio.timeout(_READY_SECONDS):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
