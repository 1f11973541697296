"""Holds."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records.appointments import (
    Appointment,
    BookingRequest,
    Hold,
)
from services.scheduling.store.decoding import decode


class HoldStore:
    """Stored functions of holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold_slot(
        self,
        org_id: UUID,
        booking: BookingRequest,
        scheduled_at: datetime,
        hold_seconds: int,
        *,
        request_id: RequestId,
        traceparent: str,
    ) -> Hold:
        """Holds a slot; a repeat returns the first hold."""
        answer = await self._database.value(
            "hold_slot",
            p_org_id=org_id,
            p_contact_id=booking.contact_id,
            p_scheduled_at=scheduled_at,
            p_duration_minutes=booking.duration_minutes,
            p_service_id=booking.service_id,
            p_calendar_ids=list(booking.calendar_ids) or None,
            p_hold_seconds=hold_seconds,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Hold, answer)

    async def confirm_hold(
        self,
        org_id: UUID,
        hold_id: UUID,
        *,
        notes: str | None,
        metadata: dict[str, Any],
        traceparent: str,
    ) -> Appointment:
        """Makes the appointment of a hold."""
        answer = await self._database.value(
            "confirm_hold",
            p_org_id=org_id,
            p_hold_id=hold_id,
            p_notes=notes,
            p_metadata=metadata,
            p_traceparent=traceparent,
        )
        return decode(Appointment, answer)

    async def release_hold(self, org_id: UUID, hold_id: UUID, *, traceparent: str) -> Hold:
        """Frees a held slot."""
        answer = await self._database.value(
            "release_hold", p_org_id=org_id, p_hold_id=hold_id, p_traceparent=traceparent
        )
        return decode(Hold, answer)

    async def get_hold(self, org_id: UUID, hold_id: UUID) -> Hold | None:
        """One hold in whatever status."""
        answer = await self._database.value("get_hold", p_org_id=org_id, p_hold_id=hold_id)
        return None if answer is None else decode(Hold, answer)

    async def list_holds(
        self,
        org_id: UUID,
        *,
        status: str | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> list[tuple[Hold, datetime]]:
        """A page of holds with the time when each was made, oldest first."""
        after_at, after_id = after or (None, None)
        rows = await self._database.rows(
            "list_holds",
            p_org_id=org_id,
            p_status=status,
            p_limit=limit,
            p_after_at=after_at,
            p_after_id=after_id,
        )
        return [(decode(Hold, row["hold"]), row["created_at"]) for row in rows]

    async def expire_slot_holds(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Ends expired holds; None where another process ran this tick."""
        expired: int | None = await self._database.value(
            "expire_slot_holds",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return expired
