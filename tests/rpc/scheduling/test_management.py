"""RPCs that read and change what is there: services, exceptions, holidays, holds, series."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import grpc
from google.rpc import error_details_pb2, status_pb2

from services.chassis.errors import STATUS_DETAILS_KEY
from tests.rpc.scheduling.callers import Tenant, refusal
from tests.schema.scheduling.builders import Admin
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOUR = timedelta(hours=1)


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


async def test_a_service_is_changed_by_who_has_read_it(tenant: Tenant) -> None:
    rooms = [await tenant.a_calendar() for _ in range(2)]
    made = await tenant.CreateService(
        pb.CreateServiceRequest(name="Viewing", durations_minutes=[60], calendar_ids=rooms[:1])
    )
    update = pb.UpdateServiceRequest(
        service_id=made.service.id, etag=made.service.etag, durations_minutes=[30, 45],
        calendar_ids=rooms, price_credits=3,
    )  # fmt: skip
    changed = (await tenant.UpdateService(update)).service
    assert (changed.name, list(changed.durations_minutes)) == ("Viewing", [30, 45])
    assert (set(changed.calendar_ids), changed.price_credits) == (set(rooms), 3)
    assert (await refusal(tenant.UpdateService(update))).reason == "ETAG_MISMATCH"
    wrong = pb.UpdateServiceRequest(service_id="x", etag="x", durations_minutes=[5000])
    refused = await refusal(tenant.UpdateService(wrong))
    assert set(refused.metadata["fields"].split(",")) == {
        "service_id", "etag", "durations_minutes",
    }  # fmt: skip


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


async def test_holds_and_series_can_be_read(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    held = []
    for hour in range(3):
        hold = pb.HoldSlotRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60
        )
        hold.scheduled_at.FromDatetime(in_hours(30 + hour))
        held.append((await tenant.HoldSlot(hold)).hold)
    await tenant.ReleaseHold(pb.ReleaseHoldRequest(hold_id=held[1].id))
    listing = pb.ListHoldsRequest(status="live", page_size=1)
    first = await tenant.ListHolds(listing)
    listing.page_token = first.next_page_token
    second = await tenant.ListHolds(listing)
    assert [*first.holds, *second.holds] == [held[0], held[2]]
    released = (await tenant.GetHold(pb.GetHoldRequest(hold_id=held[1].id))).hold
    assert released.status == "released"
    missing = await refusal(tenant.GetHold(pb.GetHoldRequest(hold_id=str(uuid4()))))
    assert missing.reason == "HOLD_NOT_FOUND"
    day = f"{in_hours(72):%Y-%m-%d}T09:00"
    booked = await tenant.BookSeries(
        pb.BookSeriesRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
            local_start=day, rule="FREQ=DAILY;COUNT=2",
        )
    )  # fmt: skip
    series = await tenant.GetSeries(pb.GetSeriesRequest(series_id=booked.series_id))
    assert (series.series.rule, series.series.local_start) == ("FREQ=DAILY;COUNT=2", day)
    unknown = await refusal(tenant.GetSeries(pb.GetSeriesRequest(series_id=str(uuid4()))))
    assert unknown.reason == "SERIES_NOT_FOUND"


async def test_changes_free_times_and_imports_come_in_pages(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    booked = await tenant.book(calendar_id, in_hours(30))
    for hour in (31, 32):
        move = pb.RescheduleAppointmentRequest(appointment_id=booked.id)
        move.scheduled_at.FromDatetime(in_hours(hour))
        await tenant.RescheduleAppointment(move)
    get = pb.GetAppointmentRequest(appointment_id=booked.id, page_size=2)
    told = await tenant.GetAppointment(get)
    get.page_token = told.next_page_token
    rest = await tenant.GetAppointment(get)
    actions = [change.action for change in [*told.changes, *rest.changes]]
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


async def test_a_busy_slot_says_when_to_try_again(
    tenant: Tenant, admin: Admin, org_id: UUID
) -> None:
    calendar_id = await tenant.a_calendar()
    await admin.execute("alter function scheduling.place_claims set lock_timeout = '50ms'")
    async with admin.transaction():
        await admin.execute(
            "select scheduling.book_appointment_with_lock($1, $2, $3, 60, p_calendar_ids => $4)",
            *(org_id, uuid4(), in_hours(30), [UUID(calendar_id)]),
        )
        try:
            await tenant.book(calendar_id, in_hours(30))
        except grpc.aio.AioRpcError as failed:
            details = dict(failed.trailing_metadata() or ())[STATUS_DETAILS_KEY]
            code = failed.code()
    status, retry = status_pb2.Status.FromString(bytes(details)), error_details_pb2.RetryInfo()
    assert code == grpc.StatusCode.ABORTED
    assert [each.Unpack(retry) for each in status.details].count(True) == 1
    assert retry.retry_delay.seconds == 1
