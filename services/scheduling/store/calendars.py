"""Calendars, their exceptions and holidays."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records.calendars import (
    Calendar,
    DayException,
    OpenHours,
)
from services.scheduling.store.decoding import decode


class CalendarStore:
    """Stored functions of calendars."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_calendar(
        self,
        org_id: UUID,
        calendar_id: UUID,
        settings: Mapping[str, Any],
        hours: Sequence[OpenHours],
        *,
        feed_secret_hash: bytes,
        request_id: RequestId,
        traceparent: str,
    ) -> Calendar:
        """Creates a calendar; a repeat returns the first one."""
        answer = await self._database.value(
            "create_calendar",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_settings=settings,
            p_hours=list(hours),
            p_feed_secret_hash=feed_secret_hash,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Calendar, answer)

    async def update_calendar(
        self,
        org_id: UUID,
        calendar_id: UUID,
        *,
        version: int,
        settings: Mapping[str, Any],
        hours: Sequence[OpenHours] | None,
        traceparent: str,
    ) -> Calendar:
        """Changes the columns in `settings`; `hours` None leaves the weekly hours unchanged."""
        answer = await self._database.value(
            "update_calendar",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_version=version,
            p_settings=settings,
            p_hours=None if hours is None else list(hours),
            p_traceparent=traceparent,
        )
        return decode(Calendar, answer)

    async def get_calendar(self, org_id: UUID, calendar_id: UUID) -> Calendar | None:
        """One calendar, archived or not."""
        answer = await self._database.value(
            "get_calendar", p_org_id=org_id, p_calendar_id=calendar_id
        )
        return None if answer is None else decode(Calendar, answer)

    async def list_calendars(
        self, org_id: UUID, *, limit: int, after: UUID | None
    ) -> list[Calendar]:
        """A page of calendars in use, oldest first."""
        rows = await self._database.rows(
            "list_calendars", p_org_id=org_id, p_limit=limit, p_after=after
        )
        return [decode(Calendar, row["calendar"]) for row in rows]

    async def rotate_feed_secret(
        self, org_id: UUID, calendar_id: UUID, feed_secret_hash: bytes, *, traceparent: str
    ) -> None:
        """Replaces the secret of the feed."""
        await self._database.value(
            "rotate_feed_secret",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_feed_secret_hash=feed_secret_hash,
            p_traceparent=traceparent,
        )

    async def get_feed(
        self, org_id: UUID, calendar_id: UUID, feed_secret_hash: bytes
    ) -> Calendar | None:
        """The calendar whose feed has this secret."""
        answer = await self._database.value(
            "get_feed",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_feed_secret_hash=feed_secret_hash,
        )
        return None if answer is None else decode(Calendar, answer)

    async def add_exception(
        self,
        org_id: UUID,
        calendar_id: UUID,
        exception_id: UUID,
        *,
        day: date,
        kind: str,
        start_minute: int,
        end_minute: int,
        request_id: RequestId,
        traceparent: str,
    ) -> UUID:
        """Opens or closes hours of a day; returns the exception's id."""
        answer = await self._database.value(
            "add_exception",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_exception_id=exception_id,
            p_day=day,
            p_kind=kind,
            p_start_minute=start_minute,
            p_end_minute=end_minute,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return UUID(answer["exception_id"])

    async def remove_exception(
        self, org_id: UUID, calendar_id: UUID, exception_id: UUID, *, traceparent: str
    ) -> None:
        """Removes an exception."""
        await self._database.value(
            "remove_exception",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_exception_id=exception_id,
            p_traceparent=traceparent,
        )

    async def list_exceptions(
        self,
        org_id: UUID,
        calendar_id: UUID,
        *,
        limit: int,
        after: tuple[date, UUID] | None,
    ) -> list[DayException]:
        """A page of a calendar's exceptions by day."""
        after_day, after_id = after or (None, None)
        rows = await self._database.rows(
            "list_exceptions",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_limit=limit,
            p_after_day=after_day,
            p_after_id=after_id,
        )
        return [decode(DayException, row["exception"]) for row in rows]

    async def get_holidays(self, org_id: UUID, holiday_set: str) -> dict[date, str]:
        """The days of a holiday set with their names."""
        rows = await self._database.rows("get_holidays", p_org_id=org_id, p_holiday_set=holiday_set)
        return {row["day"]: row["name"] for row in rows}

    async def save_holidays(
        self, org_id: UUID, holiday_set: str, days: Mapping[date, str], *, traceparent: str
    ) -> int:
        """Replaces the days of a holiday set; returns how many it has."""
        count: int = await self._database.value(
            "save_holidays",
            p_org_id=org_id,
            p_holiday_set=holiday_set,
            p_days=list(days),
            p_names=list(days.values()),
            p_traceparent=traceparent,
        )
        return count
