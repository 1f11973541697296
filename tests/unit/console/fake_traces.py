"""Small TraceServices over real channels."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from services.chassis.errors import DomainError
from services.chassis.rpc.gate import abort
from services.console.client import Client
from services.console.settings import SERVICES, Credential, Settings
from waybill.trace.v1 import trace_service_pb2 as pb
from waybill.trace.v1 import trace_service_pb2_grpc


class FakeTraces(trace_service_pb2_grpc.TraceServiceServicer):
    """Answers what it was given, and remembers what it was asked and with what metadata."""

    def __init__(
        self,
        *,
        entries: Sequence[pb.TimelineEntry] = (),
        retries: Mapping[str, str] | None = None,
        pages: Mapping[str, pb.FindTracesResponse] | None = None,
        consistency: Sequence[pb.VerifyBooksResponse] = (),
        refusal: DomainError | None = None,
        is_stuck: bool = False,
    ) -> None:
        self.entries = entries
        self.retries = retries or {}
        self.pages = pages or {}
        self.consistency = list(consistency)
        self.refusal = refusal
        self.is_stuck = is_stuck
        self.asked: list[Any] = []
        self.metadata: list[dict[str, Any]] = []
        self.timeouts_seconds: list[float | None] = []

    async def _ask(self, request: Any, context: Any) -> None:
        self.asked.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.timeouts_seconds.append(context.time_remaining())
        if self.is_stuck:
            await asyncio.Event().wait()
        if self.refusal is not None:
            await abort(context, self.refusal)

    async def GetTrace(self, request: pb.GetTraceRequest, context: Any) -> pb.GetTraceResponse:
        await self._ask(request, context)
        trace_id = self.retries.get(request.trace_id, request.trace_id)
        return pb.GetTraceResponse(entries=self.entries, trace_id=trace_id if self.entries else "")

    async def FindTraces(
        self, request: pb.FindTracesRequest, context: Any
    ) -> pb.FindTracesResponse:
        await self._ask(request, context)
        return self.pages.get(request.page_token, pb.FindTracesResponse())

    async def VerifyBooks(
        self, request: pb.VerifyBooksRequest, context: Any
    ) -> pb.VerifyBooksResponse:
        """The next of its reports; the last one again and again."""
        await self._ask(request, context)
        return self.consistency.pop(0) if len(self.consistency) > 1 else self.consistency[0]


class Services:
    """The services that run, by name; one that was not given listens nowhere."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.addresses = {name: addresses.get(name, "127.0.0.1:1") for name in SERVICES}

    def client(self, *, timeout_seconds: float = 10) -> Client:
        """A client with both tokens."""
        tokens = {Credential.TENANT: "tenant-token", Credential.OPERATOR: "operator-token"}
        settings = Settings(addresses=self.addresses, tokens=tokens)
        return Client(settings, timeout_seconds=timeout_seconds)

    def environment(self) -> dict[str, str]:
        """As `.waybill/env` would export it."""
        addresses = {f"WAYBILL_{name.upper()}_ADDRESS": at for name, at in self.addresses.items()}
        return addresses | {
            "WAYBILL_TOKEN": "tenant-token",
            "WAYBILL_SERVICE_TOKEN": "operator-token",
        }


Serving = Callable[..., Awaitable[Services]]


@asynccontextmanager
async def served(traces: FakeTraces) -> AsyncIterator[str]:
    """The address of a server with these traces."""
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(traces, server)
    # As every service does: callers ask it before they send anything.
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
