"""Services: what is booked."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records.calendars import (
    Service,
)
from services.scheduling.store.decoding import decode


class ServiceStore:
    """Stored functions of services."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_service(
        self,
        org_id: UUID,
        service_id: UUID,
        *,
        name: str,
        durations_minutes: Sequence[int],
        calendar_ids: Sequence[UUID],
        price_credits: int | None,
        needs_approval: bool,
        request_id: RequestId,
        traceparent: str,
    ) -> Service:
        """Creates a service; a repeat returns the first one."""
        answer = await self._database.value(
            "create_service",
            p_org_id=org_id,
            p_service_id=service_id,
            p_name=name,
            p_durations_minutes=list(durations_minutes),
            p_calendar_ids=list(calendar_ids),
            p_price_credits=price_credits,
            p_needs_approval=needs_approval,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Service, answer)

    async def get_service(self, org_id: UUID, service_id: UUID) -> Service | None:
        """One service, archived or not."""
        answer = await self._database.value("get_service", p_org_id=org_id, p_service_id=service_id)
        return None if answer is None else decode(Service, answer)

    async def list_services(self, org_id: UUID, *, limit: int, after: UUID | None) -> list[Service]:
        """A page of services in use, oldest first."""
        rows = await self._database.rows(
            "list_services", p_org_id=org_id, p_limit=limit, p_after=after
        )
        return [decode(Service, row["service"]) for row in rows]

    async def update_service(
        self,
        org_id: UUID,
        service_id: UUID,
        *,
        version: int,
        settings: Mapping[str, Any],
        traceparent: str,
    ) -> Service:
        """Changes the columns in `settings`."""
        answer = await self._database.value(
            "update_service",
            p_org_id=org_id,
            p_service_id=service_id,
            p_version=version,
            p_settings=settings,
            p_traceparent=traceparent,
        )
        return decode(Service, answer)

    async def archive_service(self, org_id: UUID, service_id: UUID, *, traceparent: str) -> Service:
        """Takes a service out of use."""
        answer = await self._database.value(
            "archive_service", p_org_id=org_id, p_service_id=service_id, p_traceparent=traceparent
        )
        return decode(Service, answer)
