"""SIGTERM to a service, its orderly end, and peers that do not answer meanwhile."""

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.stack import Stack
from tests.system.waiting import until

# What the supervisor gives a service between SIGTERM and SIGKILL, less a margin.
GRACE_SECONDS: Final = 20.0


async def stop_in_grace(stack: Stack, name: str) -> None:
    """SIGTERM, and an end in peace that the supervisor did not have to force."""
    asked = time.monotonic()
    assert await stack.supervisor.stop(name) == 0
    assert time.monotonic() - asked < GRACE_SECONDS


async def leaving(stack: Stack, service: str) -> None:
    """Returns when the service says that it wants no more work."""

    async def says_so() -> bool:
        async with grpc.aio.insecure_channel(stack.address(service)) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
        return bool(answer.status == health_pb2.HealthCheckResponse.NOT_SERVING)

    await until(says_so, poll_seconds=0.01)


@asynccontextmanager
async def stalled(stack: Stack, name: str) -> AsyncIterator[None]:
    """A process that accepts connections and never answers."""
    process = stack.supervisor.pid(name)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
