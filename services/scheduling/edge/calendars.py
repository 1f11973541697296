"""RPCs about calendars, their hours and services."""

from typing import Any

from services.chassis.auth import caller
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.pages import parse_page
from services.chassis.requests import parse_request_id
from services.chassis.trace import current
from services.scheduling.answers import to_calendar, to_service
from services.scheduling.edge.fields import TimeFields
from services.scheduling.edge.parts import Calls
from services.scheduling.feed_secrets import new_secret
from services.scheduling.parsing import (
    CALENDARS_MAX,
    HOLIDAYS_MAX,
    MINUTES_MAX,
    parse_hours,
    parse_minutes,
    parse_settings,
    with_defaults,
)
from services.scheduling.refusals import calendar_not_found, service_not_found
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


class CalendarCalls(Calls):
    """What can be booked, and when."""

    async def CreateCalendar(
        self, request: pb.CreateCalendarRequest, context: Any
    ) -> pb.CreateCalendarResponse:
        org_id, calendar_id, fields = caller().org, new_id(), TimeFields()
        settings = with_defaults(fields, parse_settings(fields, request))
        hours = parse_hours(fields, request)
        fields.done()
        secret = new_secret(org_id, calendar_id)
        calendar = await self._parts.calendars.create_calendar(
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
        found = await self._parts.calendars.list_calendars(
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
        calendar = await self._parts.calendars.get_calendar(caller().org, calendar_id)
        if calendar is None:
            raise calendar_not_found(calendar_id)
        return pb.GetCalendarResponse(calendar=to_calendar(calendar))

    async def UpdateCalendar(
        self, request: pb.UpdateCalendarRequest, context: Any
    ) -> pb.UpdateCalendarResponse:
        fields = TimeFields()
        calendar_id = fields.uuid("calendar_id", request.calendar_id)
        settings, hours = parse_settings(fields, request), parse_hours(fields, request)
        if not request.etag.isdecimal() or len(request.etag) > 9:
            fields.refuse("etag", "is none of ours")
        if request.archived:
            settings["status"] = "archived"
        fields.done()
        calendar = await self._parts.calendars.update_calendar(
            caller().org,
            calendar_id,
            version=int(request.etag),
            settings=settings,
            hours=hours,
            traceparent=current().traceparent,
        )
        return pb.UpdateCalendarResponse(calendar=to_calendar(calendar))

    async def RotateFeedSecret(
        self, request: pb.RotateFeedSecretRequest, context: Any
    ) -> pb.RotateFeedSecretResponse:
        org_id, calendar_id = caller().org, parse_uuid(request.calendar_id, "calendar_id")
        secret = new_secret(org_id, calendar_id)
        await self._parts.calendars.rotate_feed_secret(
            org_id, calendar_id, secret.hash, current().traceparent
        )
        return pb.RotateFeedSecretResponse(feed_path=secret.path)

    async def AddException(
        self, request: pb.AddExceptionRequest, context: Any
    ) -> pb.AddExceptionResponse:
        fields = TimeFields()
        calendar_id = fields.uuid("calendar_id", request.calendar_id)
        day = fields.day("day", request.day)
        kind = fields.one_of("kind", request.kind, ("open", "closed"))
        end_minute = request.end_minute or MINUTES_MAX
        parse_minutes(fields, "exception", request.start_minute, end_minute)
        fields.done()
        exception_id = await self._parts.calendars.add_exception(
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
        fields = TimeFields()
        calendar_id = fields.uuid("calendar_id", request.calendar_id)
        exception_id = fields.uuid("exception_id", request.exception_id)
        fields.done()
        await self._parts.calendars.remove_exception(
            caller().org, calendar_id, exception_id, current().traceparent
        )
        return pb.RemoveExceptionResponse()

    async def SetHolidays(
        self, request: pb.SetHolidaysRequest, context: Any
    ) -> pb.SetHolidaysResponse:
        fields = TimeFields()
        holiday_set = fields.text("holiday_set", request.holiday_set, 100)
        if len(request.holidays) > HOLIDAYS_MAX:
            fields.refuse("holidays", f"has more than {HOLIDAYS_MAX} elements")
        days = {
            fields.day(f"holidays[{index}].day", each.day): fields.name(
                f"holidays[{index}].name", each.name
            )
            for index, each in enumerate(request.holidays)
        }
        fields.done()
        count = await self._parts.calendars.save_holidays(
            caller().org, holiday_set, days, current().traceparent
        )
        return pb.SetHolidaysResponse(holiday_count=count)

    async def CreateService(
        self, request: pb.CreateServiceRequest, context: Any
    ) -> pb.CreateServiceResponse:
        fields = TimeFields()
        name = fields.name("name", request.name)
        durations = sorted(
            {
                fields.number("durations_minutes", each, 1, 1440)
                for each in request.durations_minutes
            }
        )
        if len(durations) > 20:
            fields.refuse("durations_minutes", "has more than 20 elements")
        calendar_ids = fields.uuids("calendar_ids", request.calendar_ids, CALENDARS_MAX)
        price = request.price_credits if request.HasField("price_credits") else None
        if price is not None:
            fields.number("price_credits", price, 0, 1_000_000)
        fields.done()
        service = await self._parts.calendars.create_service(
            caller().org,
            new_id(),
            name=name,
            durations_minutes=durations,
            calendar_ids=calendar_ids,
            price_credits=price,
            needs_approval=request.needs_approval,
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CreateServiceResponse(service=to_service(service))

    async def ListServices(
        self, request: pb.ListServicesRequest, context: Any
    ) -> pb.ListServicesResponse:
        page = parse_page(request, "services")
        found = await self._parts.calendars.list_services(
            caller().org, limit=page.rows_to_read, after=page.start
        )
        services, next_page_token = page.split(found, lambda one: (str(one.service_id),))
        return pb.ListServicesResponse(
            services=[to_service(one) for one in services], next_page_token=next_page_token
        )

    async def GetService(
        self, request: pb.GetServiceRequest, context: Any
    ) -> pb.GetServiceResponse:
        service_id = parse_uuid(request.service_id, "service_id")
        service = await self._parts.calendars.get_service(caller().org, service_id)
        if service is None:
            raise service_not_found(service_id)
        return pb.GetServiceResponse(service=to_service(service))

    async def ArchiveService(
        self, request: pb.ArchiveServiceRequest, context: Any
    ) -> pb.ArchiveServiceResponse:
        service = await self._parts.calendars.archive_service(
            caller().org, parse_uuid(request.service_id, "service_id"), current().traceparent
        )
        return pb.ArchiveServiceResponse(service=to_service(service))
