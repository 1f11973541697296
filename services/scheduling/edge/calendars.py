"""RPCs about calendars and their hours."""

from datetime import date
from typing import Any
from uuid import UUID

from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page, parse_page_from
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.trace import current
from services.scheduling.edge.answers import to_calendar, to_exception
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import (
    MINUTES_MAX,
    parse_etag,
    parse_hours,
    parse_minutes,
    parse_settings,
    with_defaults,
)
from services.scheduling.feed_secrets import new_secret
from services.scheduling.store.calendars import CalendarStore
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


class CalendarHandlers:
    """Handlers of calendars, their exceptions and holidays."""

    def __init__(self, calendars: CalendarStore, import_due: Wake) -> None:
        self._calendars = calendars
        self._import_due = import_due

    async def CreateCalendar(
        self, request: pb.CreateCalendarRequest, context: Any
    ) -> pb.CreateCalendarResponse:
        org_id, calendar_id, fields = caller().org, new_id(), SchedulingFields()
        settings = with_defaults(fields, parse_settings(fields, request))
        hours = parse_hours(fields, request)
        fields.done()
        secret = new_secret(org_id, calendar_id)
        calendar = await self._calendars.create_calendar(
            org_id,
            calendar_id,
            settings,
            hours or [],
            feed_secret_hash=secret.hash,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        is_new = calendar.calendar_id == calendar_id
        return pb.CreateCalendarResponse(
            calendar=to_calendar(calendar), feed_path=secret.path if is_new else ""
        )

    async def ListCalendars(
        self, request: pb.ListCalendarsRequest, context: Any
    ) -> pb.ListCalendarsResponse:
        page = parse_page(request, "calendars")
        found = await self._calendars.list_calendars(
            caller().org, limit=page.rows_to_read, after=page.start
        )
        calendars, next_page_token = page.split(found, lambda one: (str(one.calendar_id),))
        return pb.ListCalendarsResponse(
            calendars=[to_calendar(one) for one in calendars], next_page_token=next_page_token
        )

    async def GetCalendar(
        self, request: pb.GetCalendarRequest, context: Any
    ) -> pb.GetCalendarResponse:
        calendar_id = parse_uuid(request.calendar_id, "calendar_id")
        calendar = await self._calendars.get_calendar(caller().org, calendar_id)
        if calendar is None:
            raise not_found("calendar", calendar_id)
        return pb.GetCalendarResponse(calendar=to_calendar(calendar))

    async def UpdateCalendar(
        self, request: pb.UpdateCalendarRequest, context: Any
    ) -> pb.UpdateCalendarResponse:
        fields = SchedulingFields()
        calendar_id = fields.uuid("calendar_id", request.calendar_id)
        settings, hours = parse_settings(fields, request), parse_hours(fields, request)
        version = parse_etag(fields, request.etag)
        if request.archived:
            settings["status"] = "archived"
        fields.done()
        calendar = await self._calendars.update_calendar(
            caller().org,
            calendar_id,
            version=version,
            settings=settings,
            hours=hours,
            traceparent=current().traceparent,
        )
        # The change may have made imports due.
        self._import_due.set()
        return pb.UpdateCalendarResponse(calendar=to_calendar(calendar))

    async def RotateFeedSecret(
        self, request: pb.RotateFeedSecretRequest, context: Any
    ) -> pb.RotateFeedSecretResponse:
        org_id, calendar_id = caller().org, parse_uuid(request.calendar_id, "calendar_id")
        secret = new_secret(org_id, calendar_id)
        await self._calendars.rotate_feed_secret(
            org_id, calendar_id, secret.hash, traceparent=current().traceparent
        )
        return pb.RotateFeedSecretResponse(feed_path=secret.path)

    async def AddException(
        self, request: pb.AddExceptionRequest, context: Any
    ) -> pb.AddExceptionResponse:
        fields = SchedulingFields()
        calendar_id = fields.uuid("calendar_id", request.calendar_id)
        day = fields.day("day", request.day)
        kind = fields.one_of("kind", request.kind, ("open", "closed"))
        end_minute = request.end_minute or MINUTES_MAX
        parse_minutes(fields, "", request.start_minute, end_minute)
        fields.done()
        exception_id = await self._calendars.add_exception(
            caller().org,
            calendar_id,
            new_id(),
            day=day,
            kind=kind,
            start_minute=request.start_minute,
            end_minute=end_minute,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.AddExceptionResponse(exception_id=str(exception_id))

    async def RemoveException(
        self, request: pb.RemoveExceptionRequest, context: Any
    ) -> pb.RemoveExceptionResponse:
        fields = SchedulingFields()
        calendar_id = fields.uuid("calendar_id", request.calendar_id)
        exception_id = fields.uuid("exception_id", request.exception_id)
        fields.done()
        await self._calendars.remove_exception(
            caller().org, calendar_id, exception_id, traceparent=current().traceparent
        )
        return pb.RemoveExceptionResponse()

    async def ListExceptions(
        self, request: pb.ListExceptionsRequest, context: Any
    ) -> pb.ListExceptionsResponse:
        calendar_id = parse_uuid(request.calendar_id, "calendar_id")
        page = parse_page_from(request, _parse_day_and_id, "exceptions", calendar_id)
        found = await self._calendars.list_exceptions(
            caller().org, calendar_id, limit=page.rows_to_read, after=page.start
        )
        exceptions, next_page_token = page.split(
            found, lambda one: (one.day.isoformat(), str(one.exception_id))
        )
        return pb.ListExceptionsResponse(
            exceptions=[to_exception(one) for one in exceptions], next_page_token=next_page_token
        )

    async def SetHolidays(
        self, request: pb.SetHolidaysRequest, context: Any
    ) -> pb.SetHolidaysResponse:
        fields = SchedulingFields()
        holiday_set = fields.text("holiday_set", request.holiday_set, 100)
        days = {
            fields.day(f"holidays[{index}].day", each.day): fields.name(
                f"holidays[{index}].name", each.name
            )
            for index, each in enumerate(request.holidays)
        }
        fields.done()
        count = await self._calendars.save_holidays(
            caller().org, holiday_set, days, traceparent=current().traceparent
        )
        return pb.SetHolidaysResponse(holiday_count=count)

    async def GetHolidays(
        self, request: pb.GetHolidaysRequest, context: Any
    ) -> pb.GetHolidaysResponse:
        fields = SchedulingFields()
        holiday_set = fields.text("holiday_set", request.holiday_set, 100)
        fields.done()
        days = await self._calendars.get_holidays(caller().org, holiday_set)
        return pb.GetHolidaysResponse(
            holidays=[pb.Holiday(day=day.isoformat(), name=name) for day, name in days.items()]
        )


def _parse_day_and_id(keys: tuple[str, ...]) -> tuple[date, UUID]:
    """Where the page before ended: a day and an exception."""
    day, exception_id = keys
    return date.fromisoformat(day), UUID(exception_id)
