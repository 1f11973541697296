"""Workspaces are routing's; delivery keeps a copy of those that it was asked about."""

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

import grpc

from services.chassis.errors import from_call, unavailable
from services.chassis.trace import current
from services.delivery.store.offers import OfferStore
from waybill.routing.v1 import routing_service_pb2 as routing_pb


class GetWorkspaceStub(Protocol):
    """The part of routing's stub that is needed here."""

    def GetWorkspace(
        self, request: routing_pb.GetWorkspaceRequest, *, timeout: float
    ) -> Awaitable[routing_pb.GetWorkspaceResponse]:
        """Routing's RPC."""


class Workspaces:
    """Delivery's copies, fetched from routing when they are first asked for."""

    def __init__(
        self, store: OfferStore, routing: GetWorkspaceStub, *, timeout_seconds: float
    ) -> None:
        self._store = store
        self._routing = routing
        self._timeout_seconds = timeout_seconds

    async def ensure(self, org_id: UUID, workspace_id: UUID) -> None:
        """Fetches the copy unless it is there. Raises WORKSPACE_NOT_FOUND."""
        if await self._store.has_workspace(org_id, workspace_id):
            return
        await self._store.save_workspace(
            org_id,
            workspace_id,
            offer_policy=await self._fetch_offer_policy(org_id, workspace_id),
            traceparent=current().traceparent,
        )

    async def _fetch_offer_policy(self, org_id: UUID, workspace_id: UUID) -> str:
        request = routing_pb.GetWorkspaceRequest(workspace_id=str(workspace_id), org_id=str(org_id))
        try:
            answer = await self._routing.GetWorkspace(request, timeout=self._timeout_seconds)
        except grpc.aio.AioRpcError as error:
            refusal = from_call(error)
            if refusal is not None and refusal.reason == "WORKSPACE_NOT_FOUND":
                raise refusal from None
            raise unavailable("Routing, which knows the workspace, cannot be asked.") from error
        return answer.workspace.offer_policy
