"""`waybill calendar`: what is free, and what is booked."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import available_timezones

import typer

from services.console.calendar_view import render_availability
from services.console.calls import ask, ask_list
from services.console.client import SCHEDULING, TIMEOUT_SECONDS
from services.console.command_groups import command, group
from services.console.options import (
    AsJson,
    PageSize,
    PageToken,
    ReadAll,
    RequestId,
    Timeout,
    or_new,
)
from services.console.output import out, print_json, show, show_list, to_dict
from waybill.scheduling.v1.scheduling_service_pb2 import (
    BookAppointmentRequest,
    CancelAppointmentRequest,
    CreateCalendarRequest,
    GetAppointmentRequest,
    GetCalendarRequest,
    ListAppointmentsRequest,
    ListCalendarsRequest,
    OpenHours,
    RescheduleAppointmentRequest,
    SearchAvailabilityRequest,
    WeeklyHours,
)

_CALENDARS: Final = ("id", "name", "kind", "zone", "capacity", "slot_minutes")
_APPOINTMENTS: Final = ("id", "status", "scheduled_at", "duration_minutes", "local_time", "zone")
_CHANGES_MAX: Final = 500
_WORKDAYS: Final = range(1, 6)

CalendarId = Annotated[str, typer.Argument(help="The calendar: a UUID.")]
AppointmentId = Annotated[str, typer.Argument(help="The appointment: a UUID.")]
At = Annotated[
    str, typer.Argument(help="Its start in the calendar's time zone, for example 2027-01-05T09:00.")
]
Fold = Annotated[
    int | None,
    typer.Option(
        min=0, max=1, help="For a local time that occurs twice: 0 is the first, 1 the second."
    ),
]
Minutes = Annotated[int, typer.Option("--minutes", min=1, max=1440, help="How long.")]

calendars = group("calendar", "What is free, and what is booked.")


@command(
    calendars,
    "create",
    "waybill calendar create 'Room 1' --zone Europe/Berlin",
    "waybill calendar create Ada --kind person --from-hour 10 --to-hour 16 --json",
)
def create(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    kind: Annotated[str, typer.Option(help="person, room or device.")] = "room",
    zone: Annotated[str, typer.Option(help="IANA time zone, for example Europe/Berlin.")] = "UTC",
    capacity: Annotated[int, typer.Option(min=1, max=100, help="Appointments at once.")] = 1,
    from_hour: Annotated[int, typer.Option(min=0, max=23, help="Opens, Monday to Friday.")] = 9,
    to_hour: Annotated[int, typer.Option(min=1, max=24, help="Closes.")] = 17,
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Create a calendar that is open on workdays."""
    hours = [
        OpenHours(weekday=day, start_minute=from_hour * 60, end_minute=to_hour * 60)
        for day in _WORKDAYS
    ]
    request = CreateCalendarRequest(
        request_id=or_new(request_id),
        name=name,
        kind=kind,
        zone=zone,
        capacity=capacity,
        weekly_hours=WeeklyHours(hours=hours),
    )
    answer = ask(
        SCHEDULING, lambda scheduling: scheduling.CreateCalendar, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)


@command(calendars, "list", "waybill calendar list", "waybill calendar list --all --json")
def list_calendars(
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List calendars in use, oldest first."""
    answer = ask_list(
        SCHEDULING,
        lambda scheduling: scheduling.ListCalendars,
        ListCalendarsRequest(page_size=page_size, page_token=page_token),
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.calendars, _CALENDARS, as_json=as_json)


@command(
    calendars,
    "availability",
    "waybill calendar availability 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f",
    "waybill calendar availability 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --days 14 --json",
)
def availability(
    calendar_id: CalendarId,
    minutes: Minutes = 60,
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days ahead.")] = 7,
    zone: Annotated[
        str, typer.Option(help="Time zone of the output; default: the calendar's.")
    ] = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show free slots as a text calendar, a row for each day."""
    if not zone and not as_json:
        found = ask(
            SCHEDULING,
            lambda scheduling: scheduling.GetCalendar,
            GetCalendarRequest(calendar_id=calendar_id),
            timeout_seconds=timeout,
        )
        zone = found.calendar.zone
    if zone and zone not in available_timezones():
        raise typer.BadParameter(
            f"{zone} is not an IANA time zone, for example Europe/Berlin", param_hint="--zone"
        )
    start = datetime.now(UTC).replace(microsecond=0)
    request = SearchAvailabilityRequest(
        calendar_id=calendar_id,
        duration_minutes=minutes,
        from_time=start.isoformat(),
        to_time=(start + timedelta(days=days)).isoformat(),
        page_size=500,
    )
    answer = ask_list(
        SCHEDULING,
        lambda scheduling: scheduling.SearchAvailability,
        request,
        timeout_seconds=timeout,
        read_all=True,
    )
    if as_json:
        print_json(to_dict(answer))
        return
    starts = [slot.start_time.ToDatetime(UTC) for slot in answer.slots]
    out().print(render_availability(starts, zone))


@command(
    calendars,
    "book",
    "waybill calendar book 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f 2027-01-05T09:00"
    " --contact 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e50",
)
def book(
    calendar_id: CalendarId,
    at: At,
    contact_id: Annotated[str, typer.Option("--contact", help="The contact it is for: a UUID.")],
    minutes: Minutes = 60,
    fold: Fold = None,
    service_id: Annotated[str, typer.Option("--service", help="What is booked: a UUID.")] = "",
    notes: Annotated[str, typer.Option(help="Free text.")] = "",
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Book a slot."""
    request = BookAppointmentRequest(
        calendar_id=calendar_id,
        contact_id=contact_id,
        local_time=at,
        fold=fold,
        duration_minutes=minutes,
        service_id=service_id,
        notes=notes,
        request_id=or_new(request_id),
    )
    answer = ask(
        SCHEDULING, lambda scheduling: scheduling.BookAppointment, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)


@command(calendars, "cancel", "waybill calendar cancel 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def cancel(
    appointment_id: AppointmentId,
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Cancel an appointment; the first waitlist entry that fits gets its time."""
    request = CancelAppointmentRequest(appointment_id=appointment_id, request_id=or_new(request_id))
    answer = ask(
        SCHEDULING,
        lambda scheduling: scheduling.CancelAppointment,
        request,
        timeout_seconds=timeout,
    )
    show(answer, as_json=as_json)


@command(
    calendars,
    "move",
    "waybill calendar move 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f 2027-01-05T11:00",
)
def move(
    appointment_id: AppointmentId,
    at: At,
    minutes: Annotated[
        int, typer.Option("--minutes", min=0, max=1440, help="How long; 0: as it was.")
    ] = 0,
    fold: Fold = None,
    request_id: RequestId = "",
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Move an appointment to another time."""
    request = RescheduleAppointmentRequest(
        appointment_id=appointment_id,
        local_time=at,
        fold=fold,
        duration_minutes=minutes,
        request_id=or_new(request_id),
    )
    answer = ask(
        SCHEDULING,
        lambda scheduling: scheduling.RescheduleAppointment,
        request,
        timeout_seconds=timeout,
    )
    show(answer, as_json=as_json)


@command(calendars, "show", "waybill calendar show 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f")
def show_appointment(
    appointment_id: AppointmentId,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show an appointment and all its changes."""
    request = GetAppointmentRequest(appointment_id=appointment_id, page_size=_CHANGES_MAX)
    answer = ask(
        SCHEDULING, lambda scheduling: scheduling.GetAppointment, request, timeout_seconds=timeout
    )
    show(answer, as_json=as_json)


@command(
    calendars,
    "appointments",
    "waybill calendar appointments",
    "waybill calendar appointments --calendar 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f --all --json",
)
def appointments(
    calendar_id: Annotated[
        str, typer.Option("--calendar", help="Only those of this calendar.")
    ] = "",
    status: Annotated[str, typer.Option(help="Only those of this status.")] = "",
    page_size: PageSize = 0,
    page_token: PageToken = "",
    read_all: ReadAll = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """List appointments by time."""
    request = ListAppointmentsRequest(
        calendar_id=calendar_id, status=status, page_size=page_size, page_token=page_token
    )
    answer = ask_list(
        SCHEDULING,
        lambda scheduling: scheduling.ListAppointments,
        request,
        timeout_seconds=timeout,
        read_all=read_all,
    )
    show_list(answer, answer.appointments, _APPOINTMENTS, as_json=as_json)
