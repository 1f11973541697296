"""Delivery in this process over the test's database: its server, its dispatcher, buyers, a peer."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import grpc
import pytest

from deploy.local.keys import Keys
from services.chassis.database import Database
from services.chassis.errors import DomainError, from_call, not_found
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundPolicy
from services.chassis.rpc.gate import abort
from services.chassis.trace import new_root
from services.delivery.backoff import BackoffPolicy
from services.delivery.config import DeliveryConfig
from services.delivery.dispatcher import Dispatcher
from services.delivery.store.claims import ClaimTerms
from waybill.delivery.v1 import delivery_service_pb2 as pb
from waybill.delivery.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from waybill.routing.v1 import routing_service_pb2, routing_service_pb2_grpc
from waybill.trace.v1.trace_service_pb2_grpc import TraceServiceStub

CALL_SECONDS = 10
OUTBOUND = OutboundPolicy(
    allowed_networks=(ip_network("127.0.0.0/8"),),
    http_hosts=frozenset({"127.0.0.1"}),
    total_seconds_max=1,
)
TERMS = ClaimTerms(
    worker="tester",
    lease_seconds=60,
    hold_seconds=3600,
    attempts_max=BackoffPolicy().attempts_max,
    deliveries_max=200,
    workspace_deliveries_max=10,
)

GRANT_REASON = "invoice 2026-11"


def a_config(keys: Keys, **settings: Any) -> DeliveryConfig:
    """Settings of a server on a port of its own."""
    defaults: dict[str, Any] = {
        "database_url": "",
        "listen": "127.0.0.1:0",
        "jwks_file": keys.jwks_file,
        "token_file": keys.token_file("delivery"),
        "sealing_keys_file": keys.sealing_file,
        "routing_target": "127.0.0.1:1",
    }
    return DeliveryConfig(**{**defaults, **settings})


class Caller:
    """A stub whose calls carry a token and a deadline."""

    def __init__(self, stub: Any, token: str) -> None:
        self._stub = stub
        self._metadata = (("authorization", f"Bearer {token}"),)

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._stub, method)
        return lambda request: call(request, timeout=CALL_SECONDS, metadata=self._metadata)


class Callers:
    """Makes callers of one server."""

    def __init__(self, channel: grpc.aio.Channel, keys: Keys) -> None:
        self._channel = channel
        self._keys = keys

    def tenant(self, org_id: UUID, workspace_id: UUID | None = None) -> Any:
        """A tenant, perhaps narrowed to a workspace."""
        token = self._keys.tenant_token(org_id, workspace_id=workspace_id)
        return Caller(DeliveryServiceStub(self._channel), token)

    def service(self, name: str) -> Any:
        """A service, or the operator."""
        return Caller(DeliveryServiceStub(self._channel), self._keys.service_token(name))

    def tracing(self, name: str) -> Any:
        """A service's calls of TraceService."""
        return Caller(TraceServiceStub(self._channel), self._keys.service_token(name))


class FakeRouting(routing_service_pb2_grpc.RoutingServiceServicer):
    """Knows the workspaces that a test adds, and counts how often it is asked."""

    def __init__(self) -> None:
        self.workspaces: set[tuple[str, str]] = set()
        self.asked = 0

    async def GetWorkspace(
        self, request: routing_service_pb2.GetWorkspaceRequest, context: Any
    ) -> routing_service_pb2.GetWorkspaceResponse:
        self.asked += 1
        if (request.org_id, request.workspace_id) not in self.workspaces:
            await abort(context, not_found("workspace", request.workspace_id))
        workspace = routing_service_pb2.Workspace(
            workspace_id=request.workspace_id, name="Acme", offer_policy="direct"
        )
        return routing_service_pb2.GetWorkspaceResponse(workspace=workspace)


@asynccontextmanager
async def serving_routing(routing: FakeRouting) -> AsyncIterator[int]:
    """Serves it, and gives its port."""
    server = grpc.aio.server()
    routing_service_pb2_grpc.add_RoutingServiceServicer_to_server(routing, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@dataclass(slots=True)
class RefusedCall:
    """What a refused call said."""

    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def refused() -> AsyncIterator[RefusedCall]:
    """Expects the block's call to be refused for a reason."""
    refusal = RefusedCall()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        yield refusal
    error = from_call(raised.value)
    assert isinstance(error, DomainError)
    refusal.reason, refusal.metadata = error.reason, error.metadata


class Buyer:
    """One emulated buyer, which a test instructs and asks what it received."""

    def __init__(self, http: aiohttp.ClientSession, base: str, name: str) -> None:
        self.url = f"{base}/buyers/{name}"
        self._control = f"{base}/_control/buyers/{name}"
        self._http = http

    async def verify_with(self, secret: str) -> None:
        """Refuses from now on what is not signed with the secret."""
        await self._send("PUT", "", {"secret": secret})

    async def show(self, fault: str, *, times: int = 1, **details: Any) -> None:
        """Meets the next deliveries with a fault."""
        order = {"times": times, "is": {"fault": fault, **details}}
        await self._send("PUT", "/faults", order)

    async def answer(self, status: int, *, times: int = 1, **details: Any) -> None:
        """Answers the next deliveries with a status."""
        await self.show("answer", times=times, status=status, **details)

    async def release(self) -> None:
        """Answers what hangs."""
        await self._send("POST", "/release", {})

    async def received(self, at_least: int = 0) -> list[dict[str, Any]]:
        """What came, once it is at least that many."""
        url = f"{self._control}/received?at_least={at_least}&seconds=30"
        async with self._http.get(url) as response:
            answer: dict[str, Any] = await response.json()
        received: list[dict[str, Any]] = answer["received"]
        return received

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> None:
        async with self._http.request(method, self._control + path, json=body) as response:
            assert response.status == 200, await response.text()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Callers of one server, the database below it and the peer beside it."""

    callers: Callers
    database: Database
    routing: FakeRouting

    async def a_workspace(
        self, *urls: str, credits: int = 0, org_id: UUID | None = None
    ) -> "Workspace":
        """A workspace of a tenant, with endpoints and credits."""
        org, workspace_id = org_id or uuid4(), uuid4()
        self.routing.workspaces.add((str(org), str(workspace_id)))
        workspace = Workspace(world=self, org_id=org, workspace_id=workspace_id)
        for url in urls:
            await workspace.an_endpoint(url)
        if credits:
            await workspace.grant(credits)
        return workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingWorld(World):
    """The same with a dispatcher, which takes a step when a test says so."""

    dispatcher: Dispatcher
    stopping: Stopping


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A tenant's workspace, and what its tenant does."""

    world: World
    org_id: UUID
    workspace_id: UUID

    @property
    def tenant(self) -> Any:
        """Calls as the tenant."""
        return self.world.callers.tenant(self.org_id)

    async def an_endpoint(self, url: str, request_id: str = "") -> pb.CreateEndpointResponse:
        """A new endpoint."""
        call: Awaitable[pb.CreateEndpointResponse] = self.tenant.CreateEndpoint(
            pb.CreateEndpointRequest(
                workspace_id=str(self.workspace_id), url=url, request_id=request_id
            )
        )
        return await call

    async def grant(self, credits: int, request_id: str = "") -> pb.Balance:
        """Credits."""
        response: pb.GrantCreditsResponse = await self.tenant.GrantCredits(
            pb.GrantCreditsRequest(
                workspace_id=str(self.workspace_id),
                credits=credits,
                reason=GRANT_REASON,
                request_id=request_id or uuid4().hex,
            )
        )
        return response.balance

    async def balance(self) -> tuple[int, int, int]:
        """Available, held, consumed."""
        response: pb.GetBalanceResponse = await self.tenant.GetBalance(
            pb.GetBalanceRequest(workspace_id=str(self.workspace_id))
        )
        balance = response.balance
        return balance.available, balance.held, balance.consumed

    def a_lead(self, **changes: Any) -> pb.LeadOffer:
        """A lead as routing offers it."""
        fields: dict[str, Any] = {
            "org_id": str(self.org_id),
            "lead_id": str(uuid4()),
            "workspace_id": str(self.workspace_id),
            "offer_policy": "direct",
            "payload_json": '{"customer": {"name": "Ada",  "phone": "+4915112345678"}}',
            "traceparent": new_root().traceparent,
        }
        return pb.LeadOffer(**{**fields, **changes})

    async def offer(self, *leads: pb.LeadOffer) -> list[pb.OfferLeadResult]:
        """Offers leads as routing does."""
        response: pb.OfferLeadsResponse = await self.world.callers.service("routing").OfferLeads(
            pb.OfferLeadsRequest(offers=leads)
        )
        return list(response.results)

    async def a_delivery(self) -> str:
        """The id of the delivery of a lead just offered."""
        (result,) = await self.offer(self.a_lead())
        return (await self.get_offer(result.offer_id)).offer.delivery_id

    async def get_offer(self, offer_id: str) -> pb.GetOfferResponse:
        """An offer with its events."""
        call: Awaitable[pb.GetOfferResponse] = self.tenant.GetOffer(
            pb.GetOfferRequest(offer_id=offer_id)
        )
        return await call

    async def get_delivery(self, delivery_id: str) -> pb.GetDeliveryResponse:
        """A delivery with its attempts."""
        call: Awaitable[pb.GetDeliveryResponse] = self.tenant.GetDelivery(
            pb.GetDeliveryRequest(delivery_id=delivery_id)
        )
        return await call
