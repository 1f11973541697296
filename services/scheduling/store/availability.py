"""Free slots and free times."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.chassis.database import Database
from services.scheduling.records.calendars import (
    Slot,
)


class AvailabilityStore:
    """Stored functions that search free time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def resolve_calendars(
        self, org_id: UUID, service_id: UUID, duration_minutes: int
    ) -> tuple[UUID, ...]:
        """The calendars that a booking of a service would use, sorted."""
        found = await self._database.value(
            "resolve_calendars",
            p_org_id=org_id,
            p_service_id=service_id,
            p_duration_minutes=duration_minutes,
        )
        return tuple(found)

    async def list_slots(
        self,
        org_id: UUID,
        calendar_ids: Sequence[UUID],
        *,
        start: datetime,
        end: datetime,
        duration_minutes: int,
        together: bool,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> list[Slot]:
        """A page of free slots by start and calendar; `together`: free on all calendars."""
        after_start, after_calendar_id = after or (None, None)
        rows = await self._database.rows(
            "list_slots",
            p_org_id=org_id,
            p_calendar_ids=list(calendar_ids),
            p_from=start,
            p_to=end,
            p_duration_minutes=duration_minutes,
            p_together=together,
            p_limit=limit,
            p_after_start=after_start,
            p_after_calendar_id=after_calendar_id,
        )
        duration = timedelta(minutes=duration_minutes)
        return [Slot(**row, ends_at=row["starts_at"] + duration) for row in rows]

    async def list_free_ranges(
        self,
        org_id: UUID,
        calendar_ids: Sequence[UUID],
        start: datetime,
        end: datetime,
        *,
        limit: int,
        after: tuple[datetime, UUID] | None = None,
    ) -> list[Slot]:
        """A page of the times at which calendars have a free seat, by calendar and start."""
        after_start, after_calendar_id = after or (None, None)
        rows = await self._database.rows(
            "list_free_ranges",
            p_org_id=org_id,
            p_calendar_ids=list(calendar_ids),
            p_from=start,
            p_to=end,
            p_limit=limit,
            p_after_calendar_id=after_calendar_id,
            p_after_start=after_start,
        )
        return [Slot(**row) for row in rows]
