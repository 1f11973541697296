"""The waitlist."""

from datetime import datetime
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records.appointments import (
    BookingRequest,
    WaitlistEntry,
)
from services.scheduling.store.decoding import decode


class WaitlistStore:
    """Stored functions of the waitlist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join_waitlist(
        self,
        org_id: UUID,
        booking: BookingRequest,
        *,
        earliest: datetime,
        latest: datetime,
        request_id: RequestId,
        traceparent: str,
    ) -> WaitlistEntry:
        """Adds an entry; a repeat returns the first entry."""
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
        return decode(WaitlistEntry, answer)

    async def leave_waitlist(
        self, org_id: UUID, entry_id: UUID, *, traceparent: str
    ) -> WaitlistEntry:
        """Ends an entry that waits."""
        answer = await self._database.value(
            "leave_waitlist", p_org_id=org_id, p_entry_id=entry_id, p_traceparent=traceparent
        )
        return decode(WaitlistEntry, answer)

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
        return [decode(WaitlistEntry, row["entry"]) for row in rows]

    async def promote_waiting(
        self, *, limit: int, every_seconds: float, traceparent: str
    ) -> int | None:
        """Offers free time to entries that wait; None where another process ran this tick."""
        ended: int | None = await self._database.value(
            "promote_waiting",
            p_limit=limit,
            p_every_seconds=every_seconds,
            p_traceparent=traceparent,
        )
        return ended
