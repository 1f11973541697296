"""Orgs, apps with their secrets, and sources."""

from typing import Any
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.errors import DomainError
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import TraceContext


class SourceStore:
    """Who we work for, and where their input comes from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_org(
        self, *, org_id: UUID, source_id: UUID, name: str, default_region: str,
        request: RequestId, trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """{org_id, source_id} of the org that was made."""
        answer: dict[str, Any] = await self._database.value(
            "create_org",
            p_org_id=org_id,
            p_source_id=source_id,
            p_name=name,
            p_default_region=default_region,
            **_request(request),
            p_traceparent=trace.traceparent,
        )
        return answer

    async def find_app(self, external_app_id: str) -> UUID | None:
        """The app that Meta knows by that id."""
        app_id: UUID | None = await self._database.value(
            "find_app", p_external_app_id=external_app_id
        )
        return app_id

    async def register_app(
        self, *, app_id: UUID, external_app_id: str, secret_id: UUID, secret_ciphertext: bytes,
        verify_token_id: UUID, verify_token_ciphertext: bytes, request: RequestId,
        trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """{app_id} of the app that now has these secrets too."""
        answer: dict[str, Any] = await self._database.value(
            "register_app",
            p_app_id=app_id,
            p_external_app_id=external_app_id,
            p_secret_id=secret_id,
            p_secret_ciphertext=secret_ciphertext,
            p_verify_token_id=verify_token_id,
            p_verify_token_ciphertext=verify_token_ciphertext,
            **_request(request),
            p_traceparent=trace.traceparent,
        )
        return answer

    async def retire_app_secrets(self, external_app_id: str, trace: TraceContext) -> int:
        """Retires all secrets of the app but the newest; how many. Raises APP_NOT_FOUND."""
        retired: int = await self._database.value(
            "retire_app_secrets",
            p_external_app_id=external_app_id,
            p_traceparent=trace.traceparent,
        )
        return retired

    async def list_app_secrets(self) -> list[Record]:
        """Every valid secret and verify token, sealed."""
        return await self._database.rows("list_app_secrets")

    async def create_source(
        self, *, org_id: UUID, source_id: UUID, kind: str, external_id: str, name: str,
        default_region: str, access_token_ciphertext: bytes | None, request: RequestId,
        trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """The source that was made."""
        answer: dict[str, Any] = await self._database.value(
            "create_source",
            p_org_id=org_id,
            p_source_id=source_id,
            p_kind=kind,
            p_external_id=external_id,
            p_name=name,
            p_default_region=default_region,
            p_access_token_ciphertext=access_token_ciphertext,
            **_request(request),
            p_traceparent=trace.traceparent,
        )
        return answer

    async def update_source(
        self, *, org_id: UUID, source_id: UUID, name: str | None, default_region: str | None,
        access_token_ciphertext: bytes | None, trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """The source as it stands after the change. Raises SOURCE_NOT_FOUND."""
        answer: dict[str, Any] = await self._database.value(
            "update_source",
            p_org_id=org_id,
            p_source_id=source_id,
            p_name=name,
            p_default_region=default_region,
            p_access_token_ciphertext=access_token_ciphertext,
            p_traceparent=trace.traceparent,
        )
        return answer

    async def list_sources(self, org_id: UUID, limit: int, after: UUID | None) -> list[Record]:
        """A page of sources, oldest first."""
        return await self._database.rows(
            "list_sources", p_org_id=org_id, p_limit=limit, p_after=after
        )

    async def get_api_source(self, org_id: UUID) -> Record:
        """The source behind POST /api/leads. Raises ORG_NOT_FOUND."""
        row = await self._database.row("get_api_source", p_org_id=org_id)
        if row is None:
            metadata = {"org_id": str(org_id)}
            raise DomainError("ORG_NOT_FOUND", "There is no such org.", metadata=metadata)
        return row


def _request(request: RequestId) -> dict[str, Any]:
    return {"p_request_id": request.value, "p_request_hash": request.content_hash}
