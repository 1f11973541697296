"""Series of appointments."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records.appointments import (
    BookingRequest,
    Series,
    SeriesRule,
)
from services.scheduling.store.decoding import decode


class SeriesStore:
    """Stored functions of series."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def book_series(
        self,
        org_id: UUID,
        booking: BookingRequest,
        *,
        rule: str,
        local_start: datetime,
        zone: str,
        starts: Sequence[datetime],
        request_id: RequestId,
        traceparent: str,
    ) -> Series:
        """Books each start that is free; a repeat returns the first series."""
        answer = await self._database.value(
            "book_series",
            p_org_id=org_id,
            p_contact_id=booking.contact_id,
            p_service_id=booking.service_id,
            p_calendar_ids=list(booking.calendar_ids) or None,
            p_rule=rule,
            p_local_start=local_start,
            p_zone=zone,
            p_starts=list(starts),
            p_duration_minutes=booking.duration_minutes,
            p_notes=booking.notes,
            p_metadata=booking.metadata,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Series, answer)

    async def get_series(self, org_id: UUID, series_id: UUID) -> SeriesRule | None:
        """A series as it was requested."""
        row = await self._database.row("get_series", p_org_id=org_id, p_series_id=series_id)
        return None if row is None else SeriesRule(**row)

    async def cancel_series(self, org_id: UUID, series_id: UUID, *, traceparent: str) -> int:
        """Cancels the appointments of a series that have not begun; returns how many."""
        count: int = await self._database.value(
            "cancel_series", p_org_id=org_id, p_series_id=series_id, p_traceparent=traceparent
        )
        return count
