"""Calls as a tenant, a workspace's token or a service, and what refusals say."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.keys import Keys
from services.chassis.errors import DomainError, from_call
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from waybill.routing.v1 import routing_service_pb2 as pb
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.trace.v1.trace_service_pb2_grpc import TraceServiceStub

CALL_SECONDS = 10


class _Caller:
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
        return self._routing(self._keys.tenant_token(org_id, workspace_id=workspace_id))

    def service(self, name: str) -> Any:
        """A service, or the operator."""
        return self._routing(self._keys.service_token(name))

    def unsigned(self) -> Any:
        """A caller whose token is not one of ours."""
        return self._routing("nonsense")

    def tracing(self, name: str) -> Any:
        """A service's calls of TraceService."""
        return _Caller(TraceServiceStub(self._channel), self._keys.service_token(name))

    def tracing_tenant(self, org_id: UUID) -> Any:
        """A tenant's calls of TraceService."""
        return _Caller(TraceServiceStub(self._channel), self._keys.tenant_token(org_id))

    async def health(self) -> str:
        """What the server's health check says now."""
        stub: Any = health_pb2_grpc.HealthStub(self._channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

    def _routing(self, token: str) -> Any:
        return _Caller(RoutingServiceStub(self._channel), token)


@dataclass(slots=True)
class RefusedCall:
    """What a refused call said."""

    reason: str = ""
    metadata: dict[str, str] | None = None
    status: grpc.StatusCode | None = None


@asynccontextmanager
async def refused() -> AsyncIterator[RefusedCall]:
    """Expects the block's call to be refused for a reason."""
    refusal = RefusedCall()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        yield refusal
    error = from_call(raised.value)
    assert isinstance(error, DomainError)
    refusal.reason, refusal.metadata = error.reason, error.metadata
    refusal.status = raised.value.code()


async def a_workspace(caller: Any, **changes: Any) -> pb.Workspace:
    """A new workspace."""
    request = pb.CreateWorkspaceRequest(**{"name": "Acme", **changes})
    response: pb.CreateWorkspaceResponse = await caller.CreateWorkspace(request)
    return response.workspace


async def a_rule(caller: Any, workspace_id: str, **changes: Any) -> pb.Rule:
    """A new rule that takes every lead."""
    fields = {"workspace_id": workspace_id, "name": "everything", "condition": "true", **changes}
    response: pb.CreateRuleResponse = await caller.CreateRule(pb.CreateRuleRequest(**fields))
    return response.rule


def a_lead(org_id: UUID, **changes: Any) -> pb.LeadToRoute:
    """A lead as ingest hands it over."""
    fields = {
        "org_id": str(org_id),
        "lead_id": str(new_id()),
        "source_id": str(uuid4()),
        "source_kind": "api",
        "type": "order",
        "phone": "+4915112345678",
        "full_name": "Ada Lovelace",
        "traceparent": new_root().traceparent,
        **changes,
    }
    return pb.LeadToRoute(**fields)


async def enqueue(caller: Any, *leads: pb.LeadToRoute) -> list[tuple[str, str, str]]:
    """Hands leads over; answers (lead id, outcome, reason) of each."""
    call: Awaitable[pb.EnqueueLeadsResponse] = caller.EnqueueLeads(
        pb.EnqueueLeadsRequest(leads=leads)
    )
    return [(item.lead_id, item.outcome, item.reason) for item in (await call).results]
