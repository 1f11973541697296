"""Workspaces at the edge."""

from typing import Any
from uuid import UUID

from services.chassis.errors import Violation, invalid, not_found
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.routing.edge.answers import to_workspace
from services.routing.edge.parsing import parse_workspace
from services.routing.store.workspaces import WorkspaceStore
from waybill.routing.v1 import routing_service_pb2 as pb


class WorkspaceHandlers:
    """RoutingService's RPCs on workspaces."""

    def __init__(self, workspaces: WorkspaceStore) -> None:
        self._workspaces = workspaces

    async def CreateWorkspace(
        self, request: pb.CreateWorkspaceRequest, context: Any
    ) -> pb.CreateWorkspaceResponse:
        workspace = await self._workspaces.create_workspace(
            caller().org,
            new_id(),
            parse_workspace(request),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CreateWorkspaceResponse(workspace=to_workspace(workspace))

    async def GetWorkspace(
        self, request: pb.GetWorkspaceRequest, context: Any
    ) -> pb.GetWorkspaceResponse:
        workspace_id = parse_uuid(request.workspace_id, "workspace_id")
        workspace = await self._workspaces.get_workspace(_org_of(request), workspace_id)
        if workspace is None:
            raise not_found("workspace", workspace_id)
        return pb.GetWorkspaceResponse(workspace=to_workspace(workspace))

    async def ListWorkspaces(
        self, request: pb.ListWorkspacesRequest, context: Any
    ) -> pb.ListWorkspacesResponse:
        page = parse_page(request, "workspaces")
        rows = await self._workspaces.list_workspaces(
            caller().org, limit=page.rows_to_read, after=page.start
        )
        workspaces, token = page.split(rows, lambda row: (str(row.workspace_id),))
        return pb.ListWorkspacesResponse(
            workspaces=[to_workspace(row) for row in workspaces], next_page_token=token
        )


def _org_of(request: pb.GetWorkspaceRequest) -> UUID:
    """The tenant's org, or the one that a service names."""
    identity = caller()
    if identity.service is None:
        return identity.org
    if not request.org_id:
        raise invalid(Violation(field="org_id", description="is required from a service"))
    return parse_uuid(request.org_id, "org_id")
