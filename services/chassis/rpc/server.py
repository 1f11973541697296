"""The gRPC server of a service: health, reflection, shedding, draining."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.chassis.config import ServiceConfig
from services.chassis.rpc.auth import AccessTable, TokenVerifier
from services.chassis.rpc.client import MESSAGE_BYTES_MAX
from services.chassis.rpc.edge import came_from_outside
from services.chassis.rpc.gate import Gate
from services.chassis.rpc.interceptors import ServerTelemetry
from services.chassis.rpc.readiness import Probe, watch
from services.chassis.rpc.reflection import Reflection
from services.chassis.rpc.token_times import Lifetimes
from services.chassis.telemetry import log

HEADERS_BYTES_MAX: Final = 48 * 1024
SERVER_OPTIONS: Final = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # Three times what the edge takes in (`deploy.edge.config`): it adds headers, and each counts 32
    # bytes more here. So it is the edge that refuses, in our words. Above the first limit gRPC
    # refuses some calls, above the second all.
    ("grpc.max_metadata_size", HEADERS_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", HEADERS_BYTES_MAX + 16 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
]
# Peers still send calls for a moment after we said that we stop, and the server's own stop would
# cut those off: so we stop once none has come for the shorter time, at the latest after the longer.
QUIET_SECONDS: Final = 0.2
QUIET_SECONDS_MAX: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One gRPC service of the process, put together from objects that each handle some of its RPCs.

    Each RPC is a method of exactly one handler; ValueError where one is missing or doubled. While
    something that the service `needs` cannot be reached, the process says that it is not serving.
    """

    descriptor: ServiceDescriptor
    handlers: tuple[object, ...]
    needs: tuple[Probe, ...] = ()

    def __post_init__(self) -> None:
        problems = [text for rpc in self.descriptor.methods if (text := self._problem(rpc.name))]
        if problems:
            raise ValueError(f"{self.descriptor.full_name}: {'; '.join(problems)}")

    def _problem(self, name: str) -> str:
        owners = [type(each).__name__ for each in self.handlers if hasattr(each, name)]
        if len(owners) == 1:
            return ""
        return f"{name} is in {' and '.join(owners)}" if owners else f"no handler has {name}"

    def add_to(self, server: grpc.aio.Server) -> None:
        """Lets the server answer the service's RPCs."""
        rpcs = {rpc.name: self._method_handler(rpc) for rpc in self.descriptor.methods}
        generic = grpc.method_handlers_generic_handler(self.descriptor.full_name, rpcs)
        server.add_generic_rpc_handlers((generic,))

    def _method_handler(self, rpc: MethodDescriptor) -> "grpc.RpcMethodHandler[Any, Any]":
        (method,) = (getattr(each, rpc.name) for each in self.handlers if hasattr(each, rpc.name))
        return grpc.unary_unary_rpc_method_handler(
            method,
            request_deserializer=GetMessageClass(rpc.input_type).FromString,
            response_serializer=GetMessageClass(rpc.output_type).SerializeToString,
        )


class Server:
    """A started server; `health` says whether it wants work."""

    def __init__(
        self,
        server: grpc.aio.Server,
        telemetry: ServerTelemetry,
        health_servicer: "Health",
        reflection: Reflection,
        port: int,
    ) -> None:
        self._server = server
        self._telemetry = telemetry
        self._health = health_servicer
        self._reflection = reflection
        self.port = port

    async def drain(self, seconds: float) -> None:
        """Says that we stop, waits until peers have turned to others, stops accepting, and lets
        what runs finish for at most `seconds`, then cancels it."""
        await self._health.enter_graceful_shutdown()
        await self._quiet(min(seconds, QUIET_SECONDS_MAX))
        self._health.let_watchers_go()
        self._reflection.let_streams_go()
        await self._server.stop(seconds)
        try:
            async with asyncio.timeout(seconds):
                await self._telemetry.idle()
        except TimeoutError:
            log.warning("handlers outlived the drain", seconds=seconds)

    async def _quiet(self, seconds_max: float) -> None:
        """Returns when no call has begun for a while; those that come meanwhile are answered."""
        end = time.monotonic() + seconds_max
        begun = None
        while begun != self._telemetry.begun and time.monotonic() < end:
            begun = self._telemetry.begun
            await asyncio.sleep(min(QUIET_SECONDS, seconds_max))


class Health(health.aio.HealthServicer):
    """The health service. Its watchers are let go at the end, or the server's stop would wait."""

    def __init__(self) -> None:
        super().__init__()
        self._over = asyncio.Event()

    async def set_ready(self, names: Sequence[str], *, ready: bool) -> None:
        """Says whether these services want work; without effect once the drain has begun."""
        status = health_pb2.HealthCheckResponse
        for name in names:
            await self.set(name, status.SERVING if ready else status.NOT_SERVING)

    def let_watchers_go(self) -> None:
        """Ends every Watch."""
        self._over.set()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:
        """Health's RPC: says the status now and each time that it changes."""
        watching = asyncio.create_task(super().Watch(request, context))
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({watching, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            over.cancel()
            await asyncio.gather(watching, over, return_exceptions=True)


@asynccontextmanager
async def serving(
    config: ServiceConfig, access: AccessTable, registrations: Sequence[Registration]
) -> AsyncIterator[Server]:
    """Serves until the block ends, then drains."""
    # The traces of callers outside become links, not our parents.
    telemetry = ServerTelemetry(trusts_parent=lambda metadata: not came_from_outside(metadata))
    verifier = TokenVerifier(
        config.jwks_file,
        issuer=config.token_issuer,
        audience=config.token_audience,
        lifetimes=Lifetimes(
            tenant_seconds_max=config.tenant_token_hours_max * 3600,
            service_seconds_max=config.service_token_hours_max * 3600,
        ),
    )
    server = grpc.aio.server(
        interceptors=[telemetry, Gate(verifier, access)],
        options=SERVER_OPTIONS,
        maximum_concurrent_rpcs=config.concurrent_rpcs_max,
    )
    health_servicer = await _add_services(server, registrations)
    reflection = _add_reflection(server, registrations, verifier)
    port = _bind(server, config)
    await server.start()
    running = Server(server, telemetry, health_servicer, reflection, port)
    log.info("serving", port=port)
    names = ["", *(service.descriptor.full_name for service in registrations)]
    probes = [probe for service in registrations for probe in service.needs]
    watching = asyncio.create_task(
        watch(probes, lambda ready: health_servicer.set_ready(names, ready=ready))
    )
    try:
        yield running
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await running.drain(config.drain_seconds)


async def _add_services(server: grpc.aio.Server, registrations: Sequence[Registration]) -> Health:
    health_servicer = Health()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    names = [service.descriptor.full_name for service in registrations]
    for service in registrations:
        service.add_to(server)
    await health_servicer.set_ready(["", *names], ready=True)
    return health_servicer


def _add_reflection(
    server: grpc.aio.Server, registrations: Sequence[Registration], verifier: TokenVerifier
) -> Reflection:
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    names = [service.descriptor.full_name for service in registrations]
    reflection = Reflection([*names, health_name], verifier)
    reflection.add_to(server)
    return reflection


def _bind(server: grpc.aio.Server, config: ServiceConfig) -> int:
    if config.tls_certificate_file is None or config.tls_key_file is None:
        return server.add_insecure_port(config.listen)
    authority = config.tls_authority_file
    credentials = grpc.ssl_server_credentials(
        [(config.tls_key_file.read_bytes(), config.tls_certificate_file.read_bytes())],
        authority.read_bytes() if authority else None,
        require_client_auth=authority is not None,
    )
    return server.add_secure_port(config.listen, credentials)
