"""Calendars, their exceptions, holidays and services."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.scheduling.records import Calendar, DayException, OpenHours, Service, Slot, read


class CalendarStore:
    """Functions about what can be booked, and when it is free."""

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
        """Creates a calendar; a repeat answers the first one."""
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
        return read(Calendar, answer)

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
        """Changes what is named; `hours` None leaves them as they are."""
        answer = await self._database.value(
            "update_calendar",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_version=version,
            p_settings=settings,
            p_hours=None if hours is None else list(hours),
            p_traceparent=traceparent,
        )
        return read(Calendar, answer)

    async def get_calendar(self, org_id: UUID, calendar_id: UUID) -> Calendar | None:
        """One calendar, archived or not."""
        answer = await self._database.value(
            "get_calendar", p_org_id=org_id, p_calendar_id=calendar_id
        )
        return None if answer is None else read(Calendar, answer)

    async def list_calendars(
        self, org_id: UUID, *, limit: int, after: UUID | None
    ) -> list[Calendar]:
        """A page of calendars in use, oldest first."""
        rows = await self._database.rows(
            "list_calendars", p_org_id=org_id, p_limit=limit, p_after=after
        )
        return [read(Calendar, row["calendar"]) for row in rows]

    async def rotate_feed_secret(
        self, org_id: UUID, calendar_id: UUID, feed_secret_hash: bytes, traceparent: str
    ) -> None:
        """Gives the feed another secret."""
        await self._database.value(
            "rotate_feed_secret",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_feed_secret_hash=feed_secret_hash,
            p_traceparent=traceparent,
        )

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
        """Opens or closes hours of a day; answers the exception's id."""
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
        self, org_id: UUID, calendar_id: UUID, exception_id: UUID, traceparent: str
    ) -> None:
        """Takes an exception back."""
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
        return [read(DayException, row["exception"]) for row in rows]

    async def get_holidays(self, org_id: UUID, holiday_set: str) -> dict[date, str]:
        """The days of a set."""
        rows = await self._database.rows("get_holidays", p_org_id=org_id, p_holiday_set=holiday_set)
        return {row["day"]: row["name"] for row in rows}

    async def save_holidays(
        self, org_id: UUID, holiday_set: str, days: Mapping[date, str], traceparent: str
    ) -> int:
        """Replaces the days of a set; answers how many it has."""
        count: int = await self._database.value(
            "save_holidays",
            p_org_id=org_id,
            p_holiday_set=holiday_set,
            p_days=list(days),
            p_names=list(days.values()),
            p_traceparent=traceparent,
        )
        return count

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
        """Creates a service; a repeat answers the first one."""
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
        return read(Service, answer)

    async def get_service(self, org_id: UUID, service_id: UUID) -> Service | None:
        """One service, archived or not."""
        answer = await self._database.value("get_service", p_org_id=org_id, p_service_id=service_id)
        return None if answer is None else read(Service, answer)

    async def list_services(self, org_id: UUID, *, limit: int, after: UUID | None) -> list[Service]:
        """A page of services in use, oldest first."""
        rows = await self._database.rows(
            "list_services", p_org_id=org_id, p_limit=limit, p_after=after
        )
        return [read(Service, row["service"]) for row in rows]

    async def update_service(
        self,
        org_id: UUID,
        service_id: UUID,
        *,
        version: int,
        settings: Mapping[str, Any],
        traceparent: str,
    ) -> Service:
        """Changes what is named."""
        answer = await self._database.value(
            "update_service",
            p_org_id=org_id,
            p_service_id=service_id,
            p_version=version,
            p_settings=settings,
            p_traceparent=traceparent,
        )
        return read(Service, answer)

    async def archive_service(self, org_id: UUID, service_id: UUID, traceparent: str) -> Service:
        """Takes a service out of use."""
        answer = await self._database.value(
            "archive_service", p_org_id=org_id, p_service_id=service_id, p_traceparent=traceparent
        )
        return read(Service, answer)

    async def resolve_calendars(
        self, org_id: UUID, service_id: UUID, duration_minutes: int
    ) -> tuple[UUID, ...]:
        """The calendars that a booking of a service would take, sorted."""
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
    ) -> list[tuple[datetime, UUID]]:
        """A page of free starts with their calendar; `together`: that all calendars have."""
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
        return [(row["starts_at"], row["calendar_id"]) for row in rows]

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
        """A page of when calendars have a free seat, by calendar and start."""
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
        return None if answer is None else read(Calendar, answer)
