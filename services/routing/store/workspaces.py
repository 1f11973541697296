"""Workspaces, in the database."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.routing.records import NewWorkspace, Workspace


class WorkspaceStore:
    """Workspaces of routing's schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_workspace(
        self,
        org_id: UUID,
        workspace_id: UUID,
        new: NewWorkspace,
        *,
        request_id: RequestId,
        traceparent: str,
    ) -> Workspace:
        """Creates it, or returns what the request id made before. Raises REQUEST_ID_REUSED."""
        made: dict[str, Any] = await self._database.value(
            "create_workspace",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_name=new.name,
            p_offer_policy=new.offer_policy,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return Workspace(
            workspace_id=UUID(made["workspace_id"]),
            name=made["name"],
            offer_policy=made["offer_policy"],
            created_at=datetime.fromisoformat(made["created_at"]),
        )

    async def get_workspace(self, org_id: UUID, workspace_id: UUID) -> Workspace | None:
        """The workspace, or None."""
        row = await self._database.row(
            "get_workspace", p_org_id=org_id, p_workspace_id=workspace_id
        )
        return None if row is None else Workspace(**row)

    async def list_workspaces(
        self, org_id: UUID, *, limit: int, after: UUID | None = None
    ) -> list[Workspace]:
        """The org's workspaces, oldest first, behind the one with the id `after`."""
        rows = await self._database.rows(
            "list_workspaces", p_org_id=org_id, p_limit=limit, p_after=after
        )
        return [Workspace(**row) for row in rows]
