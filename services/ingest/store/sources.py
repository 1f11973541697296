"""Orgs, apps with their secrets, and sources."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.ingest.records.sources import (
    ApiSource,
    CreatedOrg,
    ListedSource,
    OrgToCreate,
    SealedAppSecret,
    SourceChange,
    SourceToCreate,
)


class SourceStore:
    """Tenants, and where their input comes from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_org(
        self,
        org_id: UUID,
        org: OrgToCreate,
        *,
        source_id: UUID,
        request_id: RequestId,
        traceparent: str,
    ) -> CreatedOrg:
        """Creates the org with its source of kind 'api'. Raises REQUEST_ID_REUSED."""
        created = await self._database.value(
            "create_org",
            p_org_id=org_id,
            p_source_id=source_id,
            p_name=org.name,
            p_default_region=org.default_region,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return CreatedOrg(org_id=UUID(created["org_id"]), source_id=UUID(created["source_id"]))

    async def find_app(self, external_app_id: str) -> UUID | None:
        """The app that Meta knows by that id."""
        app_id: UUID | None = await self._database.value(
            "find_app", p_external_app_id=external_app_id
        )
        return app_id

    async def register_app(
        self,
        app_id: UUID,
        external_app_id: str,
        *,
        secret_id: UUID,
        secret_ciphertext: bytes,
        verify_token_id: UUID,
        verify_token_ciphertext: bytes,
        request_id: RequestId,
        traceparent: str,
    ) -> UUID:
        """Registers the app, or adds secrets to it; its id. Raises REQUEST_ID_REUSED."""
        registered = await self._database.value(
            "register_app",
            p_app_id=app_id,
            p_external_app_id=external_app_id,
            p_secret_id=secret_id,
            p_secret_ciphertext=secret_ciphertext,
            p_verify_token_id=verify_token_id,
            p_verify_token_ciphertext=verify_token_ciphertext,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return UUID(registered["app_id"])

    async def retire_app_secrets(self, external_app_id: str, *, traceparent: str) -> int:
        """Retires all secrets of the app but the newest; how many. Raises APP_NOT_FOUND."""
        retired: int = await self._database.value(
            "retire_app_secrets", p_external_app_id=external_app_id, p_traceparent=traceparent
        )
        return retired

    async def list_app_secrets(self) -> list[SealedAppSecret]:
        """Every valid secret and verify token of every app."""
        rows = await self._database.rows("list_app_secrets")
        return [SealedAppSecret(**row) for row in rows]

    async def create_source(
        self,
        org_id: UUID,
        source: SourceToCreate,
        *,
        source_id: UUID,
        access_token_ciphertext: bytes | None,
        request_id: RequestId,
        traceparent: str,
    ) -> ListedSource:
        """The source that was made. Raises SOURCE_TAKEN, ORG_NOT_FOUND, REQUEST_ID_REUSED."""
        created = await self._database.value(
            "create_source",
            p_org_id=org_id,
            p_source_id=source_id,
            p_kind=source.kind,
            p_external_id=source.external_id,
            p_name=source.name,
            p_default_region=source.default_region,
            p_access_token_ciphertext=access_token_ciphertext,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return _to_source(created)

    async def update_source(
        self,
        org_id: UUID,
        change: SourceChange,
        *,
        access_token_ciphertext: bytes | None,
        traceparent: str,
    ) -> ListedSource:
        """The source as it stands after the change. Raises SOURCE_NOT_FOUND."""
        updated = await self._database.value(
            "update_source",
            p_org_id=org_id,
            p_source_id=change.source_id,
            p_name=change.name,
            p_default_region=change.default_region,
            p_access_token_ciphertext=access_token_ciphertext,
            p_traceparent=traceparent,
        )
        return _to_source(updated)

    async def list_sources(
        self, org_id: UUID, *, limit: int, after: UUID | None
    ) -> list[ListedSource]:
        """A page of sources, oldest first."""
        rows = await self._database.rows(
            "list_sources", p_org_id=org_id, p_limit=limit, p_after=after
        )
        return [ListedSource(**row) for row in rows]

    async def get_api_source(self, org_id: UUID) -> ApiSource | None:
        """The source behind POST /api/leads; None where the org does not exist."""
        row = await self._database.row("get_api_source", p_org_id=org_id)
        return None if row is None else ApiSource(**row)


def _to_source(json: dict[str, Any]) -> ListedSource:
    """From the JSON object that writing functions answer."""
    return ListedSource(
        source_id=UUID(json["source_id"]),
        kind=json["kind"],
        external_id=json["external_id"],
        name=json["name"],
        default_region=json["default_region"],
        created_at=datetime.fromisoformat(json["created_at"]),
    )
