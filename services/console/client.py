"""Calls to the services: each has a deadline, our token and a trace of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import grpc

from services.chassis.rpc.client import CHANNEL_OPTIONS
from services.chassis.trace import new_root
from services.console.failures import FailedCall, failed
from services.console.settings import SERVICES, Credential, Settings
from waybill.delivery.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from waybill.ingest.v1.ingest_service_pb2_grpc import IngestServiceStub
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub
from waybill.trace.v1.trace_service_pb2_grpc import TraceServiceStub

TIMEOUT_SECONDS: Final = 10.0

Stub = TypeVar("Stub")
Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer(Generic[Stub]):
    """One gRPC service of one of our processes."""

    service: str
    stub: Callable[[grpc.aio.Channel], Stub]


INGEST: Final = Peer(service="ingest", stub=IngestServiceStub)
ROUTING: Final = Peer(service="routing", stub=RoutingServiceStub)
DELIVERY: Final = Peer(service="delivery", stub=DeliveryServiceStub)
SCHEDULING: Final = Peer(service="scheduling", stub=SchedulingServiceStub)
SYNC: Final = Peer(service="sync", stub=SyncServiceStub)
TRACES: Final = tuple(Peer(service=service, stub=TraceServiceStub) for service in SERVICES)


class Client:
    """Calls the services; channels open when first needed and close with the `async with`."""

    def __init__(self, settings: Settings, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._settings = settings
        self._timeout_seconds = timeout_seconds
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for channel in self._channels.values():
            await channel.close()

    async def call(
        self,
        peer: Peer[Stub],
        method: "Callable[[Stub], grpc.aio.UnaryUnaryMultiCallable[Request, Response]]",
        request: Request,
        *,
        credential: Credential = Credential.TENANT,
    ) -> Response:
        """The answer to one call. Raises CallFailedError, SettingMissingError."""
        address = self._settings.address(peer.service)
        token = self._settings.token(credential)
        # Sampled, so that an operator's call is seen live where live traces are on.
        trace = new_root(sampled=True)
        rpc = method(peer.stub(self._channel(address)))
        try:
            return await rpc(
                request,
                timeout=self._timeout_seconds,
                metadata=(
                    ("authorization", f"Bearer {token}"),
                    ("traceparent", trace.traceparent),
                ),
            )
        except grpc.aio.AioRpcError as error:
            call = FailedCall(
                service=peer.service,
                address=address,
                timeout_seconds=self._timeout_seconds,
                trace_id=trace.trace_id,
                request_id=getattr(request, "request_id", ""),
            )
            raise failed(call, error) from None

    def _channel(self, address: str) -> grpc.aio.Channel:
        if address not in self._channels:
            target = address if "://" in address else f"dns:///{address}"
            self._channels[address] = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        return self._channels[address]
