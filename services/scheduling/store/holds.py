"""Holds and the waitlist."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records import Appointment, Booking, Hold, WaitlistEntry, read


class HoldStore:
    """Functions about slots that are kept or waited for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold_slot(
        self,
        org_id: UUID,
        booking: Booking,
        scheduled_at: datetime,
        hold_seconds: int,
        *,
        request_id: RequestId,
        traceparent: str,
    ) -> Hold:
        """Holds a slot; a repeat answers the first hold."""
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
        return read(Hold, answer)

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
        return read(Appointment, answer)

    async def release_hold(self, org_id: UUID, hold_id: UUID, traceparent: str) -> Hold:
        """Frees a held slot."""
        answer = await self._database.value(
            "release_hold", p_org_id=org_id, p_hold_id=hold_id, p_traceparent=traceparent
        )
        return read(Hold, answer)

    async def get_hold(self, org_id: UUID, hold_id: UUID) -> Hold | None:
        """One hold, whatever became of it."""
        answer = await self._database.value("get_hold", p_org_id=org_id, p_hold_id=hold_id)
        return None if answer is None else read(Hold, answer)

    async def list_holds(
        self,
        org_id: UUID,
        *,
        status: str | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> list[tuple[Hold, datetime]]:
        """A page of holds with when each was made, oldest first."""
        after_at, after_id = after or (None, None)
        rows = await self._database.rows(
            "list_holds",
            p_org_id=org_id,
            p_status=status,
            p_limit=limit,
            p_after_at=after_at,
            p_after_id=after_id,
        )
        return [(read(Hold, row["hold"]), row["created_at"]) for row in rows]

    async def expire_slot_holds(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Ends holds whose time is over; None when another process ran this tick."""
        expired: int | None = await self._database.value(
            "expire_slot_holds",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return expired

    async def join_waitlist(
        self,
        org_id: UUID,
        booking: Booking,
        *,
        earliest: datetime,
        latest: datetime,
        request_id: RequestId,
        traceparent: str,
    ) -> WaitlistEntry:
        """Waits for a slot; a repeat answers the first entry."""
        answer = await self._database.value(
            "join_waitlist",
            p_org_id=org_id,
            p_contact_id=booking.contact_id,
            p_service_id=booking.service_id,
            p_calendar_ids=list(booking.calendar_ids) or None,
            p_earliest=earliest,
            p_latest=latest,
            p_duration_minutes=booking.duration_minutes,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return read(WaitlistEntry, answer)

    async def leave_waitlist(self, org_id: UUID, entry_id: UUID, traceparent: str) -> WaitlistEntry:
        """Stops waiting."""
        answer = await self._database.value(
            "leave_waitlist", p_org_id=org_id, p_entry_id=entry_id, p_traceparent=traceparent
        )
        return read(WaitlistEntry, answer)

    async def promote_waiting(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Gives free time to those who wait; None when another process ran this tick."""
        ended: int | None = await self._database.value(
            "promote_waiting",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return ended

    async def list_waitlist(
        self,
        org_id: UUID,
        *,
        status: str | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> list[WaitlistEntry]:
        """A page of entries in order of arrival."""
        after_at, after_id = after or (None, None)
        rows = await self._database.rows(
            "list_waitlist",
            p_org_id=org_id,
            p_status=status,
            p_limit=limit,
            p_after_at=after_at,
            p_after_id=after_id,
        )
        return [read(WaitlistEntry, row["entry"]) for row in rows]
