"""Endpoints and their sealed secrets."""

from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.rpc.request_ids import RequestId
from services.delivery.records import Endpoint, SealedSecret


class EndpointStore:
    """Functions about endpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_endpoint(
        self,
        org_id: UUID,
        workspace_id: UUID,
        *,
        endpoint_id: UUID,
        url: str,
        secret: SealedSecret,
        request_id: RequestId,
        traceparent: str,
    ) -> tuple[Endpoint, SealedSecret]:
        """Creates an endpoint; a repeat returns the first one and its secret."""
        row = await self._database.row(
            "create_endpoint",
            p_org_id=org_id,
            p_endpoint_id=endpoint_id,
            p_workspace_id=workspace_id,
            p_url=url,
            p_secret_id=secret.secret_id,
            p_ciphertext=secret.ciphertext,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        assert row is not None
        return _to_endpoint(row), _to_secret(row)

    async def rotate_endpoint_secret(
        self,
        org_id: UUID,
        endpoint_id: UUID,
        *,
        secret: SealedSecret,
        overlap_seconds: int,
        request_id: RequestId,
        traceparent: str,
    ) -> tuple[Endpoint, SealedSecret]:
        """Gives an endpoint a new secret; a repeat returns the first one."""
        row = await self._database.row(
            "rotate_endpoint_secret",
            p_org_id=org_id,
            p_endpoint_id=endpoint_id,
            p_secret_id=secret.secret_id,
            p_ciphertext=secret.ciphertext,
            p_overlap_seconds=overlap_seconds,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        assert row is not None
        return _to_endpoint(row), _to_secret(row)

    async def list_endpoints(
        self,
        org_id: UUID,
        workspace_id: UUID | None,
        *,
        of_workspace_id: UUID | None,
        limit: int,
        after: UUID | None,
    ) -> list[Endpoint]:
        """A page of endpoints, oldest first."""
        rows = await self._database.rows(
            "list_endpoints",
            p_org_id=org_id,
            p_workspace_id=workspace_id,
            p_of_workspace_id=of_workspace_id,
            p_limit=limit,
            p_after=after,
        )
        return [_to_endpoint(row) for row in rows]

    async def enable_endpoint(
        self, org_id: UUID, endpoint_id: UUID, *, traceparent: str
    ) -> Endpoint:
        """Enables an endpoint and wakes deliveries that wait for one."""
        row = await self._database.row(
            "enable_endpoint",
            p_org_id=org_id,
            p_endpoint_id=endpoint_id,
            p_traceparent=traceparent,
        )
        assert row is not None
        return _to_endpoint(row)

    async def disable_endpoint(
        self, org_id: UUID, endpoint_id: UUID, *, traceparent: str
    ) -> Endpoint:
        """Disables an endpoint; deliveries without another are parked when they are due."""
        row = await self._database.row(
            "disable_endpoint",
            p_org_id=org_id,
            p_endpoint_id=endpoint_id,
            p_traceparent=traceparent,
        )
        assert row is not None
        return _to_endpoint(row)


def _to_endpoint(row: Record) -> Endpoint:
    return Endpoint(
        endpoint_id=row["endpoint_id"],
        workspace_id=row["workspace_id"],
        url=row["url"],
        status=row["status"],
        disabled_reason=row["disabled_reason"],
        created_at=row["created_at"],
    )


def _to_secret(row: Record) -> SealedSecret:
    return SealedSecret(secret_id=row["secret_id"], ciphertext=row["ciphertext"])
