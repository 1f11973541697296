"""The RPCs over real processes: what they answer and what they refuse."""

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from services.chassis.database import Database
from tests.rpc.scheduling.callers import ALL_DAY, Tenant, outcome, refusal
from tests.schema.scheduling.builders import Admin, broken_equations, overlaps
from tests.system.waiting import until
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOUR = timedelta(hours=1)
URLS_REFUSED = [
    ("http://calendar.example.com/secret.ics", "scheme"),
    ("ftp://calendar.example.com/secret.ics", "scheme"),
    ("https://ada:secret@calendar.example.com/busy.ics", "userinfo"),
    ("https://169.254.169.254/secret", "address"),
    ("https://10.0.0.1/secret.ics", "address"),
    ("https://[::1]/secret.ics", "address"),
    ("file:///etc/secret", "scheme"),
]


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


def races_lost(folder: Path) -> int:
    """How many calls the processes repeated because of a deadlock."""
    logs = list(folder.glob("scheduling-*.log"))
    assert len(logs) == 2
    return sum(log.read_text().count("lost a race in the database") for log in logs)


@pytest.mark.parametrize("capacity", [1, 10])
async def test_a_thousand_attempts_at_two_processes_book_exactly_the_seats(
    tenants: list[Tenant],
    scheduling_db: Database,
    admin: Admin,
    tmp_path: Path,
    capacity: int,
) -> None:
    calendar_id = await tenants[0].a_calendar(capacity=capacity)
    outcomes = await asyncio.gather(
        *(outcome(tenants[n % 2].book(calendar_id, in_hours(30))) for n in range(1000))
    )
    assert Counter(outcomes) == {"booked": capacity, "SLOT_TAKEN": 1000 - capacity}
    assert await overlaps(admin) == 0
    assert races_lost(tmp_path) == 0
    assert await broken_equations(scheduling_db) == {}


async def test_a_thousand_free_slots_at_two_processes_are_all_booked(
    tenants: list[Tenant], admin: Admin, tmp_path: Path
) -> None:
    calendar_id = await tenants[0].a_calendar()
    places = list(range(1000))
    random.Random(3).shuffle(places)
    outcomes = await asyncio.gather(
        *(
            outcome(tenants[n % 2].book(calendar_id, in_hours(30) + n * HOUR / 4, 15))
            for n in places
        )
    )
    assert Counter(outcomes) == {"booked": 1000}
    assert await overlaps(admin) == 0
    assert races_lost(tmp_path) == 0


async def test_overlapping_ranges_at_two_processes_never_overlap(
    tenants: list[Tenant], scheduling_db: Database, admin: Admin, tmp_path: Path
) -> None:
    calendar_id, rng = await tenants[0].a_calendar(), random.Random(4)
    outcomes = await asyncio.gather(
        *(
            outcome(
                tenants[n % 2].book(
                    calendar_id,
                    in_hours(30) + rng.randrange(96) * HOUR / 4,
                    rng.choice([15, 45, 90, 240]),
                )
            )
            for n in range(1000)
        )
    )
    assert set(outcomes) == {"booked", "SLOT_TAKEN"}
    assert await overlaps(admin) == 0
    assert races_lost(tmp_path) == 0
    assert await broken_equations(scheduling_db) == {}


async def test_a_wall_time_is_booked_as_the_calendars_clock_shows_it(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(zone="America/New_York", horizon_days=730)

    def booking(text: str, **more: Any) -> pb.BookAppointmentRequest:
        return pb.BookAppointmentRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=30,
            local_time=text, **more,
        )  # fmt: skip

    gap = await refusal(tenant.BookAppointment(booking("2027-03-14T02:30")))
    assert (gap.reason, gap.metadata["cause"]) == ("WALL_TIME_REFUSED", "gap")
    twice = await refusal(tenant.BookAppointment(booking("2027-11-07T01:30")))
    assert (twice.reason, twice.metadata["cause"]) == ("WALL_TIME_REFUSED", "ambiguous")
    times = []
    for fold in (0, 1):
        answer = await tenant.BookAppointment(booking("2027-11-07T01:30", fold=fold))
        times.append(answer.appointment.scheduled_at.ToDatetime().hour)
        assert answer.appointment.local_time == "2027-11-07T01:30"
    assert times == [5, 6]


async def test_all_that_is_wrong_with_a_request_is_said_together(tenant: Tenant) -> None:
    request = pb.BookAppointmentRequest(contact_id="nobody", duration_minutes=5000)
    refused = await refusal(tenant.BookAppointment(request))
    assert refused.reason == "INVALID_REQUEST"
    assert set(refused.metadata["fields"].split(",")) == {
        "calendar_id", "contact_id", "duration_minutes", "scheduled_at",
    }  # fmt: skip


async def test_search_pages_are_the_whole_list_and_each_can_be_booked(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(slot_minutes=60)
    request = pb.SearchAvailabilityRequest(
        calendar_id=calendar_id, duration_minutes=60, page_size=10,
        from_time=in_hours(30).isoformat(), to_time=in_hours(54).isoformat(),
    )  # fmt: skip
    found: list[pb.Slot] = []
    while True:
        page = await tenant.SearchAvailability(request)
        found += page.slots
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert len(found) == 24
    for slot in found:
        booked = tenant.book(calendar_id, slot.start_time.ToDatetime(UTC))
        assert await outcome(booked) == "booked"
    request.page_token = ""
    assert not (await tenant.SearchAvailability(request)).slots


async def test_a_search_is_refused_as_the_booking_would_be(tenant: Tenant) -> None:
    calendar_id, other_id = await tenant.a_calendar(), await tenant.a_calendar()
    created = await tenant.CreateService(
        pb.CreateServiceRequest(
            name="Viewing", durations_minutes=[30, 60], calendar_ids=[other_id, calendar_id]
        )
    )
    service_id = created.service.id

    def search(minutes: int, service_id: str = service_id) -> Any:
        return tenant.SearchAvailability(
            pb.SearchAvailabilityRequest(
                service_id=service_id, duration_minutes=minutes,
                from_time=in_hours(30).isoformat(), to_time=in_hours(31).isoformat(),
            )
        )  # fmt: skip

    def booking(minutes: int, service_id: str = service_id) -> Any:
        request = pb.BookAppointmentRequest(
            service_id=service_id, contact_id=str(uuid4()), duration_minutes=minutes
        )
        request.scheduled_at.FromDatetime(in_hours(30))
        return tenant.BookAppointment(request)

    assert {slot.calendar_id for slot in (await search(60)).slots} == {min(calendar_id, other_id)}
    for what in ((45,), (60, str(uuid4()))):
        searched, booked = await refusal(search(*what)), await refusal(booking(*what))
        assert searched == booked
        assert searched.reason in ("DURATION_REFUSED", "SERVICE_NOT_FOUND")
    await tenant.ArchiveService(pb.ArchiveServiceRequest(service_id=service_id))
    archived = await refusal(search(60))
    assert archived == await refusal(booking(60))
    assert (archived.reason, archived.status) == ("SERVICE_NOT_FOUND", "NOT_FOUND")


async def test_a_series_says_what_is_in_the_way_and_never_whose_it_is(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(buffer_after_minutes=30)
    at = in_hours(30)
    other = await tenant.book(calendar_id, at + 24 * HOUR, notes="Mrs Example")
    answer = await tenant.BookSeries(
        pb.BookSeriesRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
            local_start=at.replace(tzinfo=None).isoformat(), rule="FREQ=DAILY;COUNT=3",
        )
    )  # fmt: skip
    booked, taken, last = answer.occurrences
    assert [each.outcome for each in answer.occurrences] == ["booked", "taken", "booked"]
    assert (taken.calendar_id, taken.appointment_id) == (calendar_id, "")
    (conflict,) = taken.conflicts
    assert conflict.start_time.ToDatetime(UTC) == at + 24 * HOUR
    assert conflict.end_time.ToDatetime(UTC) == at + 25.5 * HOUR
    assert other.id not in str(answer)
    assert not booked.conflicts
    assert booked.appointment_id
    assert last.calendar_id == ""


async def test_an_import_from_where_we_never_call_is_refused(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    for url, cause in URLS_REFUSED:
        request = pb.CreateImportRequest(calendar_id=calendar_id, url=url)
        refused = await refusal(tenant.CreateImport(request))
        assert (refused.reason, refused.status) == ("URL_REFUSED", "INVALID_ARGUMENT"), url
        assert refused.metadata["cause"] == cause, url
        assert "secret" not in str(refused)
    listed = await tenant.ListImports(pb.ListImportsRequest(calendar_id=calendar_id))
    assert not listed.imports


async def test_an_import_that_leads_where_we_never_call_keeps_failing_and_closes_nothing(
    tenant: Tenant, admin: Admin
) -> None:
    async def lead_away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/busy.ics"})

    application = web.Application()
    application.router.add_get("/busy.ics", lead_away)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        calendar_id = await tenant.a_calendar()
        port = runner.addresses[0][1]
        for url in (f"http://127.0.0.1:{port}/busy.ics", "https://localhost.invalid/busy.ics"):
            await tenant.CreateImport(pb.CreateImportRequest(calendar_id=calendar_id, url=url))

        async def both_failed() -> bool:
            count = await admin.fetchval(
                "select count(*) from scheduling.imports where last_error is not null"
            )
            return bool(count == 2)

        assert await until(both_failed)
    finally:
        await runner.cleanup()
    listed = await tenant.ListImports(pb.ListImportsRequest(calendar_id=calendar_id))
    errors = [(each.last_error, each.HasField("import_time")) for each in listed.imports]
    assert errors[0] == ("status 302", False)
    assert not errors[1][1]
    assert await outcome(tenant.book(calendar_id, in_hours(30))) == "booked"


async def test_holds_waitlist_and_approval(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    service = await tenant.CreateService(
        pb.CreateServiceRequest(
            name="Viewing", durations_minutes=[60], calendar_ids=[calendar_id], needs_approval=True
        )
    )
    hold = pb.HoldSlotRequest(
        service_id=service.service.id, contact_id=str(uuid4()), duration_minutes=60
    )
    hold.scheduled_at.FromDatetime(in_hours(30))
    held = (await tenant.HoldSlot(hold)).hold
    assert await outcome(tenant.book(calendar_id, in_hours(30))) == "SLOT_TAKEN"
    confirmed = (await tenant.ConfirmHold(pb.ConfirmHoldRequest(hold_id=held.id))).appointment
    assert confirmed.status == "pending"
    approve = pb.ApproveAppointmentRequest(appointment_id=confirmed.id)
    assert (await tenant.ApproveAppointment(approve)).appointment.status == "confirmed"
    join = pb.JoinWaitlistRequest(
        calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60
    )
    join.earliest.FromDatetime(in_hours(30))
    join.latest.FromDatetime(in_hours(31))
    entry = (await tenant.JoinWaitlist(join)).entry
    await tenant.CancelAppointment(pb.CancelAppointmentRequest(appointment_id=confirmed.id))
    (found,) = (await tenant.ListWaitlist(pb.ListWaitlistRequest())).entries
    assert (found.id, found.status) == (entry.id, "promoted")
    told = await tenant.GetAppointment(pb.GetAppointmentRequest(appointment_id=confirmed.id))
    assert [change.action for change in told.changes] == ["booked", "approved", "cancelled"]


async def test_a_hold_that_nobody_confirms_is_ended_by_the_sweep(
    tenant: Tenant, admin: Admin
) -> None:
    calendar_id = await tenant.a_calendar()
    hold = pb.HoldSlotRequest(calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60)
    hold.scheduled_at.FromDatetime(in_hours(30))
    await tenant.HoldSlot(hold)
    await admin.execute(
        "update scheduling.holds set expires_at = now();"
        "update scheduling.claims set hold_expires_at = now()"
    )

    async def has_expired() -> bool:
        status = await admin.fetchval("select status from scheduling.holds")
        return bool(status == "expired")

    assert await until(has_expired)


async def test_a_series_keeps_its_local_time_over_a_clock_change(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar(zone="Europe/Berlin", horizon_days=730)
    request = pb.BookSeriesRequest(
        calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
        local_start="2027-03-21T02:30", rule="FREQ=WEEKLY;COUNT=3", request_id="series",
    )  # fmt: skip
    answer = await tenant.BookSeries(request)
    # On the 28th clocks skip 02:30.
    assert [(each.local_time, each.outcome) for each in answer.occurrences] == [
        ("2027-03-21T02:30", "booked"),
        ("2027-03-28T02:30", "skipped"),
        ("2027-04-04T02:30", "booked"),
    ]
    hours = [each.scheduled_at.ToDatetime().hour for each in answer.occurrences]
    assert (hours[0], hours[2]) == (1, 0)
    assert await tenant.BookSeries(request) == answer
    wrong = await refusal(tenant.BookSeries(pb.BookSeriesRequest(
        calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
        local_start="2027-03-21T02:30", rule="FREQ=DAILY",
    )))  # fmt: skip
    assert wrong.reason == "RECURRENCE_REFUSED"
    cancelled = await tenant.CancelSeries(pb.CancelSeriesRequest(series_id=answer.series_id))
    assert cancelled.cancelled_count == 2


async def test_an_invitation_and_its_cancellation(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    booked = await tenant.book(calendar_id, in_hours(30))
    request = pb.GetInvitationRequest(
        appointment_id=booked.id, organizer="desk@example.com", attendee="ada@example.com"
    )
    invited = await tenant.GetInvitation(request)
    assert invited.method == "REQUEST"
    assert "METHOD:REQUEST" in invited.body
    await tenant.CancelAppointment(pb.CancelAppointmentRequest(appointment_id=booked.id))
    cancelled = await tenant.GetInvitation(request)
    assert cancelled.method == "CANCEL"
    assert "STATUS:CANCELLED" in cancelled.body
    assert "SEQUENCE:1" in cancelled.body


async def test_a_stale_etag_changes_nothing(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    update = pb.UpdateCalendarRequest(
        calendar_id=calendar_id, etag="1", name="Garden", capacity=2, weekly_hours=ALL_DAY
    )
    changed = (await tenant.UpdateCalendar(update)).calendar
    assert (changed.name, changed.capacity, changed.etag) == ("Garden", 2, "2")
    assert (await refusal(tenant.UpdateCalendar(update))).reason == "ETAG_MISMATCH"


async def test_busy_times_of_an_external_calendar_close_ours_until_it_is_removed(
    tenant: Tenant, admin: Admin
) -> None:
    start = in_hours(30)
    event = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}\r\nDTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDURATION:PT1H\r\n"
        "SUMMARY:Dentist\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.headers.get("If-None-Match", ""))
        if asked[-1] == '"v1"':
            return web.Response(status=304)
        return web.Response(text=event, headers={"ETag": '"v1"'})

    application = web.Application()
    application.router.add_get("/busy.ics", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/busy.ics"
    try:
        calendar_id = await tenant.a_calendar()
        created = await tenant.CreateImport(
            pb.CreateImportRequest(calendar_id=calendar_id, url=url)
        )
        await until_imported(admin, 1)
        refused = await refusal(tenant.book(calendar_id, start))
        assert (refused.reason, refused.metadata["cause"]) == ("SLOT_CLOSED", "hours")
        assert start.isoformat() not in json.loads(refused.metadata["next_slots"])
        await admin.execute("update scheduling.imports set due_at = now()")
        await until_imported(admin, 2)
        assert asked == ["", '"v1"']
        await tenant.RemoveImport(pb.RemoveImportRequest(import_id=created.import_state.id))
        assert await outcome(tenant.book(calendar_id, start)) == "booked"
    finally:
        await runner.cleanup()
    sealed = await admin.fetchval("select ciphertext from scheduling.imports")
    assert b"busy.ics" not in sealed


async def until_imported(admin: Admin, times: int) -> None:
    """Returns when an import was read so often, told by the moments of it."""
    seen = set()

    async def is_read() -> bool:
        at = await admin.fetchval(
            "select imported_at from scheduling.imports where claim_token is null"
        )
        seen.update([at] if at else [])
        return len(seen) == times

    assert await until(is_read)
