"""Workspaces are routing's; delivery keeps a copy of those it has heard of."""

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

import grpc

from services.chassis.errors import from_call, unavailable
from services.chassis.trace import current
from services.delivery.store.offers import OfferStore
from waybill.routing.v1.routing_service_pb2 import GetWorkspaceRequest, GetWorkspaceResponse


class Routing(Protocol):
    """What of routing's stub is needed here."""

    def GetWorkspace(
        self, request: GetWorkspaceRequest, *, timeout: float
    ) -> Awaitable[GetWorkspaceResponse]:
        """Routing's RPC."""


class Workspaces:
    """Delivery's copies, fetched from routing when they are first asked for."""

    def __init__(self, store: OfferStore, routing: Routing, *, timeout_seconds: float) -> None:
        self._store = store
        self._routing = routing
        self._timeout_seconds = timeout_seconds

    async def ensure(self, org_id: UUID, workspace_id: UUID) -> None:
        """Makes sure of delivery's copy; WORKSPACE_NOT_FOUND where the org has no such one."""
        if await self._store.has_workspace(org_id, workspace_id):
            return
        offer_policy = await self._ask(org_id, workspace_id)
        await self._store.save_workspace(org_id, workspace_id, offer_policy, current().traceparent)

    async def _ask(self, org_id: UUID, workspace_id: UUID) -> str:
        request = GetWorkspaceRequest(workspace_id=str(workspace_id), org_id=str(org_id))
        try:
            answer = await self._routing.GetWorkspace(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            refusal = from_call(error)
            if refusal is not None and refusal.reason == "WORKSPACE_NOT_FOUND":
                raise refusal from None
            raise unavailable("Routing, which knows the workspace, cannot be asked.") from error
        return answer.workspace.offer_policy
