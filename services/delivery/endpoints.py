"""Where workspaces receive their leads."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a workspace receives its leads."""

    endpoint_id: UUID
    workspace_id: UUID
    url: str
    status: str
    disabled_reason: str | None
    created_at: datetime
