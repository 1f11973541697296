"""Calendars, their exceptions and holidays over a real process."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.rpc.scheduling.callers import ALL_DAY, Tenant, refusal
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


async def test_a_stale_etag_changes_nothing(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    update = pb.UpdateCalendarRequest(
        calendar_id=calendar_id, etag="1", name="Garden", capacity=2, weekly_hours=ALL_DAY
    )
    changed = (await tenant.UpdateCalendar(update)).calendar
    assert (changed.name, changed.capacity, changed.etag) == ("Garden", 2, "2")
    assert (await refusal(tenant.UpdateCalendar(update))).reason == "ETAG_MISMATCH"


HOUR = timedelta(hours=1)


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


async def test_exceptions_and_holidays_can_be_read(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    days = ["2027-12-24", "2027-12-25", "2027-12-31"]
    for day in days:
        await tenant.AddException(
            pb.AddExceptionRequest(calendar_id=calendar_id, day=day, kind="closed")
        )
    listing = pb.ListExceptionsRequest(calendar_id=calendar_id, page_size=2)
    first = await tenant.ListExceptions(listing)
    listing.page_token = first.next_page_token
    second = await tenant.ListExceptions(listing)
    assert [each.day for each in [*first.exceptions, *second.exceptions]] == days
    assert (second.exceptions[0].end_minute, second.next_page_token) == (1440, "")
    await tenant.RemoveException(
        pb.RemoveExceptionRequest(calendar_id=calendar_id, exception_id=first.exceptions[0].id)
    )
    left = await tenant.ListExceptions(pb.ListExceptionsRequest(calendar_id=calendar_id))
    assert len(left.exceptions) == 2
    unknown = tenant.ListExceptions(pb.ListExceptionsRequest(calendar_id=str(uuid4())))
    assert (await refusal(unknown)).reason == "CALENDAR_NOT_FOUND"
    christmas = pb.Holiday(day="2027-12-25", name="Christmas")
    await tenant.SetHolidays(pb.SetHolidaysRequest(holiday_set="DE", holidays=[christmas]))
    read = await tenant.GetHolidays(pb.GetHolidaysRequest(holiday_set="DE"))
    assert list(read.holidays) == [christmas]


async def test_changes_free_times_and_imports_come_in_pages(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    booked = await tenant.book(calendar_id, in_hours(30))
    for hour in (31, 32):
        move = pb.RescheduleAppointmentRequest(appointment_id=booked.id)
        move.scheduled_at.FromDatetime(in_hours(hour))
        await tenant.RescheduleAppointment(move)
    get = pb.GetAppointmentRequest(appointment_id=booked.id, page_size=2)
    first_page = await tenant.GetAppointment(get)
    get.page_token = first_page.next_page_token
    rest = await tenant.GetAppointment(get)
    actions = [change.action for change in [*first_page.changes, *rest.changes]]
    assert actions == ["booked", "rescheduled", "rescheduled"]
    free = pb.ListFreeTimesRequest(
        calendar_ids=[calendar_id], page_size=1,
        from_time=in_hours(30).isoformat(), to_time=in_hours(40).isoformat(),
    )  # fmt: skip
    first = await tenant.ListFreeTimes(free)
    free.page_token = first.next_page_token
    second = await tenant.ListFreeTimes(free)
    starts = [each.start_time.ToDatetime(UTC) for each in [*first.free_times, *second.free_times]]
    assert starts == [in_hours(30), in_hours(33)]
    free.calendar_ids[:] = [str(uuid4())]
    free.page_token = ""
    assert (await refusal(tenant.ListFreeTimes(free))).reason == "CALENDAR_NOT_FOUND"
    url = "https://calendar.example.com/busy.ics"
    for _ in range(3):
        await tenant.CreateImport(pb.CreateImportRequest(calendar_id=calendar_id, url=url))
    imports = pb.ListImportsRequest(calendar_id=calendar_id, page_size=2)
    page = await tenant.ListImports(imports)
    imports.page_token = page.next_page_token
    last = await tenant.ListImports(imports)
    assert len({each.id for each in [*page.imports, *last.imports]}) == 3
    unknown = tenant.ListImports(pb.ListImportsRequest(calendar_id=str(uuid4())))
    assert (await refusal(unknown)).reason == "CALENDAR_NOT_FOUND"


@pytest.mark.parametrize(("count", "more"), [(100, 180), (30, 40)])
async def test_of_many_bad_hours_twenty_violations_are_named(
    tenant: Tenant, count: int, more: int
) -> None:
    bad = pb.OpenHours(weekday=9, start_minute=5000, end_minute=1)
    request = pb.CreateCalendarRequest(name="x", weekly_hours=pb.WeeklyHours(hours=[bad] * count))
    refused = await refusal(tenant.CreateCalendar(request))
    assert (refused.status, refused.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refused.metadata["omitted"] == str(more)
    assert refused.metadata["fields"].count(",") == 19


async def test_more_hours_than_a_calendar_can_have_are_refused(tenant: Tenant) -> None:
    hours = [pb.OpenHours(weekday=1, start_minute=number, end_minute=1440) for number in range(101)]
    request = pb.CreateCalendarRequest(name="x", weekly_hours=pb.WeeklyHours(hours=hours))
    refused = await refusal(tenant.CreateCalendar(request))
    assert refused.metadata == {"fields": "weekly_hours.hours"}
    del request.weekly_hours.hours[100:]
    answer = await tenant.CreateCalendar(request)
    assert len(answer.calendar.weekly_hours.hours) == 100


async def test_a_missing_contact_hides_nothing_else_of_a_booking(tenant: Tenant) -> None:
    request = pb.BookAppointmentRequest(calendar_id="Room 5", notes="a" * 4001)
    refused = await refusal(tenant.BookAppointment(request))
    assert refused.metadata["fields"].split(",") == [
        "contact_id",
        "duration_minutes",
        "calendar_ids",
        "notes",
        "scheduled_at",
    ]
