"""Scheduling as the world sees it: JSON at the edge, feeds, traces and the consistency check."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from deploy.local.sample_customer import Customer, RefusedError
from deploy.local.scheduling_samples import SchedulingSamples
from deploy.local.stack import Stack
from tests.chaos.customer_rows import waybill
from tests.system.conftest import a_customer
from tests.system.waiting import until

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

ALL_DAY = [{"weekday": day, "startMinute": 0, "endMinute": 1440} for day in range(1, 8)]


async def a_calendar(customer: Customer, **changes: Any) -> str:
    """A calendar that is always open."""
    fields = {"name": "Room", "weeklyHours": {"hours": ALL_DAY}, **changes}
    created = await customer.api.post("/api/calendars", fields)
    calendar_id: str = created["calendar"]["id"]
    return calendar_id


def in_hours(hours: int) -> datetime:
    """A whole hour from now on."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return now + timedelta(hours=hours)


def body(calendar_id: str, at: datetime, minutes: int = 60, **changes: Any) -> dict[str, Any]:
    """A booking's JSON."""
    return {
        "calendarId": calendar_id,
        "contactId": str(uuid4()),
        "scheduledAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "durationMinutes": minutes,
        **changes,
    }


async def test_the_sample_of_make_run_reaches_its_end_in_one_trace(
    customer: Customer, rows: Rows
) -> None:
    outcome = await SchedulingSamples(customer).booking()
    ((_, appointment_id),) = outcome.found_by
    changes = await rows.fetch(
        "select action, trace_id from scheduling.audit_logs where subject_id = $1 order by ordinal",
        UUID(appointment_id),
    )
    assert [row["action"] for row in changes] == ["booked", "rescheduled", "cancelled"]


async def test_a_hundred_bad_weekly_hours_are_400_with_twenty_violations(
    customer: Customer,
) -> None:
    bad = {"weekday": 9, "start_minute": 5000, "end_minute": 1}
    with pytest.raises(RefusedError, match=": 400") as refused:
        await customer.api.post(
            "/api/calendars", {"name": "x", "weekly_hours": {"hours": [bad] * 100}}
        )
    answer = str(refused.value)
    assert "; and 180 more" in answer
    assert answer.count('"description"') == 20


async def test_a_list_that_is_too_long_is_400_at_once(customer: Customer) -> None:
    with pytest.raises(RefusedError, match=": 400") as refused:
        await customer.api.post(
            "/api/calendars", {"name": "x", "weekly_hours": {"hours": [{}] * 100_000}}
        )
    assert "weeklyHours.hours: has more than 100 elements" in str(refused.value)


async def test_the_command_line_shows_what_is_in_the_way_of_a_refused_booking_and_what_is_free(
    stack: Stack, customer: Customer
) -> None:
    calendar_id, at = await a_calendar(customer), in_hours(30)
    booked = await customer.api.post("/api/appointments", body(calendar_id, at))
    local_time = at.strftime("%Y-%m-%dT%H:%M")
    book = ("calendar", "book", calendar_id, local_time, "--contact", str(uuid4()))
    code, output = await waybill(stack, customer, *book)
    assert code == 1, output
    assert "reason: SLOT_TAKEN (ALREADY_EXISTS" in output
    lines = [line.split() for line in output.splitlines()]
    start, end = (each.isoformat() for each in (at, at + timedelta(hours=1)))
    assert [start, end] in lines, "the time that is taken"
    assert lines.index(["conflicts:"]) < lines.index([start, end])
    assert lines.index(["next_slots:"]) < lines.index([end]), "the next that is free"
    code, output = await waybill(stack, customer, "calendar", "show", booked["appointment"]["id"])
    assert code == 0, output
    assert "status=" in output, "changes have values"


async def test_the_edge_speaks_the_json_that_callers_know(customer: Customer) -> None:
    calendar_id = await a_calendar(customer)
    at = in_hours(30)
    found = await customer.api.get(
        "/api/availability",
        **{
            "calendarId": calendar_id,
            "from": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "to": (at + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "durationMinutes": "30",
        },
    )
    assert found["slots"] == [
        {
            "startTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endTime": (at + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "calendarId": calendar_id,
        }
    ]
    request = body(
        calendar_id, at, notes="Ring twice", metadata={"color": "red"}, requestId="edge-1"
    )
    booked = (await customer.api.post("/api/appointments", request))["appointment"]
    assert (booked["status"], booked["metadata"]) == ("confirmed", {"color": "red"})
    again = (await customer.api.post("/api/appointments", request))["appointment"]
    assert again == booked
    with pytest.raises(RefusedError, match=": 409") as refused:
        await customer.api.post("/api/appointments", body(calendar_id, at))
    assert "SLOT_TAKEN" in str(refused.value)
    assert "Ring twice" not in str(refused.value)
    listed = (await customer.api.get("/api/appointments", calendarId=calendar_id))["appointments"]
    assert listed == [booked]


async def refusal(work: Any) -> tuple[int, str]:
    """The status and the reason that the edge refuses with."""
    with pytest.raises(RefusedError) as refused:
        await work
    text = str(refused.value)
    status = int(text.split(": ", 1)[1].split(" ", 1)[0])
    return status, json.loads(text[text.index("{") :])["details"][0]["reason"]


async def has_begun(rows: Rows, appointment_id: str) -> None:
    """Moves an appointment and its claims two days back: the stack has the world's clock."""
    await rows.execute(
        "update scheduling.appointments set scheduled_at = scheduled_at - interval '2 days',"
        " local_time = local_time - interval '2 days' where appointment_id = $1",
        UUID(appointment_id),
    )
    await rows.execute(
        "update scheduling.claims set during = tstzrange(lower(during) - interval '2 days',"
        " upper(during) - interval '2 days') where appointment_id = $1",
        UUID(appointment_id),
    )


async def test_an_appointment_is_approved_and_comes_to_its_end(
    customer: Customer, rows: Rows
) -> None:
    api, calendar_id = customer.api, await a_calendar(customer)
    service = await api.post(
        "/api/services",
        {
            "name": "Viewing",
            "durationsMinutes": [60],
            "calendarIds": [calendar_id],
            "needsApproval": True,
        },
    )
    wanted = {"calendarId": "", "serviceId": service["service"]["id"]}
    for hours, step, status, action in (
        (30, "complete", "completed", "completed"),
        (32, "no-show", "no_show", "no_show"),
    ):
        request = body("", in_hours(hours), **wanted)
        booked = (await api.post("/api/appointments", request))["appointment"]
        assert booked["status"] == "pending"
        path = f"/api/appointments/{booked['id']}"
        assert await refusal(api.post(f"{path}/{step}", {})) == (400, "APPOINTMENT_STATE_REFUSED")
        approved = (await api.post(f"{path}/approve", {"requestId": f"yes-{hours}"}))["appointment"]
        assert approved["status"] == "confirmed"
        # Nobody can know yet.
        assert await refusal(api.post(f"{path}/{step}", {})) == (400, "APPOINTMENT_STATE_REFUSED")
        await has_begun(rows, booked["id"])
        ended = (await api.post(f"{path}/{step}", {}))["appointment"]
        assert ended["status"] == status
        assert (await api.post(f"{path}/{step}", {}))["appointment"] == ended
        history = await api.get(path)
        assert [each["action"] for each in history["changes"]] == ["booked", "approved", action]


async def test_a_hold_is_confirmed_released_or_in_the_way(customer: Customer) -> None:
    api, calendar_id, at = customer.api, await a_calendar(customer), in_hours(30)
    request = body(calendar_id, at, requestId="hold-1", holdSeconds=600)
    held = (await api.post("/api/holds", request))["hold"]
    assert (await api.post("/api/holds", request))["hold"] == held
    assert held["status"] == "live"
    taken = await refusal(api.post("/api/appointments", body(calendar_id, at)))
    assert taken == (409, "SLOT_TAKEN")
    path = f"/api/holds/{held['id']}"
    confirmed = (await api.post(f"{path}/confirm", {"notes": "Ring twice"}))["appointment"]
    assert (confirmed["status"], confirmed["notes"]) == ("confirmed", "Ring twice")
    assert (await api.post(f"{path}/confirm", {}))["appointment"]["id"] == confirmed["id"]
    assert await refusal(api.post(f"{path}/release", {})) == (400, "HOLD_ENDED")
    other = (await api.post("/api/holds", body(calendar_id, in_hours(32))))["hold"]
    released = (await api.post(f"/api/holds/{other['id']}/release", {}))["hold"]
    assert released["status"] == "released"
    assert await refusal(api.post(f"/api/holds/{other['id']}/confirm", {})) == (400, "HOLD_ENDED")
    unknown = await refusal(api.post(f"/api/holds/{uuid4()}/confirm", {}))
    assert unknown == (404, "HOLD_NOT_FOUND")
    again = await api.post("/api/appointments", body(calendar_id, in_hours(32)))
    assert again["appointment"]["status"] == "confirmed"


async def test_who_waits_gets_the_slot_that_is_given_back_and_who_left_does_not(
    customer: Customer,
) -> None:
    api, calendar_id, at = customer.api, await a_calendar(customer), in_hours(30)
    booked = (await api.post("/api/appointments", body(calendar_id, at)))["appointment"]
    wait = {
        "calendarId": calendar_id,
        "durationMinutes": 60,
        "earliest": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "latest": (at + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    first, second = [
        (await api.post("/api/waitlist", {**wait, "contactId": str(uuid4())}))["entry"]
        for _ in range(2)
    ]
    assert (first["status"], second["status"]) == ("waiting", "waiting")
    left = (await api.post(f"/api/waitlist/{first['id']}/leave", {}))["entry"]
    assert left["status"] == "left"
    await api.post(f"/api/appointments/{booked['id']}/cancel", {})
    entries = (await api.get("/api/waitlist", status="promoted"))["entries"]
    assert [each["id"] for each in entries] == [second["id"]]
    promoted = await api.get(f"/api/appointments/{entries[0]['appointmentId']}")
    assert promoted["appointment"]["contactId"] == second["contactId"]
    unknown = await refusal(api.post(f"/api/waitlist/{uuid4()}/leave", {}))
    assert unknown == (404, "WAITLIST_ENTRY_NOT_FOUND")


async def test_a_series_tells_what_became_of_each_of_its_times(customer: Customer) -> None:
    api, calendar_id, at = customer.api, await a_calendar(customer), in_hours(30)
    await api.post("/api/appointments", body(calendar_id, at + timedelta(days=1)))
    series = {
        "calendarId": calendar_id,
        "contactId": str(uuid4()),
        "durationMinutes": 60,
        "localStart": at.strftime("%Y-%m-%dT%H:%M"),
        "requestId": "series-1",
    }
    booked = await api.post("/api/series", {**series, "rule": "FREQ=DAILY;COUNT=3"})
    assert [each["outcome"] for each in booked["occurrences"]] == ["booked", "taken", "booked"]
    assert booked["occurrences"][1]["conflicts"] == [
        {
            "startTime": (at + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endTime": (at + timedelta(days=1, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    ]
    for rule in ("FREQ=DAILY;INTERVAL=0;BYMONTH=2;COUNT=3", "FREQ=DAILY"):
        refused = await refusal(api.post("/api/series", {**series, "rule": rule}))
        assert refused == (400, "RECURRENCE_REFUSED")
    cancelled = await api.post(f"/api/series/{booked['seriesId']}/cancel", {})
    assert cancelled["cancelledCount"] == 2
    unknown = await refusal(api.post(f"/api/series/{uuid4()}/cancel", {}))
    assert unknown == (404, "SERIES_NOT_FOUND")


async def test_a_booking_that_another_keeps_waiting_is_refused_as_busy(
    customer: Customer, rows: Rows
) -> None:
    calendar_id, at = await a_calendar(customer), in_hours(30)
    request = body(calendar_id, at)
    # Somebody's booking that neither ends nor fails.
    other = rows.transaction()
    await other.start()
    try:
        await rows.fetchval(
            "select scheduling.book_appointment_with_lock($1, $2, $3, 60,"
            " p_calendar_ids => array[$4]::uuid[])",
            *(UUID(customer.org_id), uuid4(), at, UUID(calendar_id)),
        )
        busy = await refusal(customer.api.post("/api/appointments", request))
    finally:
        await other.rollback()
    assert busy == (409, "SLOT_BUSY")
    assert (await customer.api.post("/api/appointments", request))["appointment"]


async def test_every_tenant_has_its_own_calendars(
    stack: Stack, session: aiohttp.ClientSession, customer: Customer
) -> None:
    calendar_id = await a_calendar(customer)
    booked = await customer.api.post("/api/appointments", body(calendar_id, in_hours(30)))
    other = await a_customer(stack, session)
    id_ = booked["appointment"]["id"]
    for path in (f"/api/calendars/{calendar_id}", f"/api/appointments/{id_}"):
        assert await customer.api.get(path)
        with pytest.raises(RefusedError, match=": 404"):
            await other.api.get(path)
    for path, sent in (
        ("/api/appointments", body(calendar_id, in_hours(40))),
        (f"/api/appointments/{id_}/cancel", {}),
        (f"/api/appointments/{id_}/reschedule", {"scheduledAt": "2027-01-05T08:00:00Z"}),
    ):
        with pytest.raises(RefusedError, match=": 404"):
            await other.api.post(path, sent)
    assert (await other.api.get("/api/appointments")).get("appointments", []) == []


async def test_a_feeds_address_is_a_secret_that_can_be_changed(
    stack: Stack, session: aiohttp.ClientSession, customer: Customer
) -> None:
    created = await customer.api.post(
        "/api/calendars", {"name": "Room", "weeklyHours": {"hours": ALL_DAY}}
    )
    calendar_id, path = created["calendar"]["id"], created["feedPath"]
    await customer.api.post(
        "/api/appointments", body(calendar_id, in_hours(30), notes="Mrs Example, knee")
    )

    async def fetched(path: str) -> tuple[int, str]:
        async with session.get(stack.edge_url + path) as answer:
            return answer.status, await answer.text()

    status, feed = await fetched(path)
    assert (status, feed.count("BEGIN:VEVENT")) == (200, 1)
    assert "knee" not in feed
    status, busy = await fetched(path.replace("calendar.ics", "freebusy.ics"))
    assert status == 200
    assert "FREEBUSY;FBTYPE=BUSY" in busy
    renewed = await customer.api.post(f"/api/calendars/{calendar_id}/feed", {})
    assert (await fetched(path))[0] == 404
    assert (await fetched(renewed["feedPath"]))[0] == 200
    assert path.split("/")[2] not in (stack.state.logs / "access.log").read_text()
    assert path.split("/")[2] not in (stack.state.logs / "scheduling.log").read_text()


async def book_all(
    customer: Customer, calendar_id: str, wanted: list[tuple[datetime, int]]
) -> list[str]:
    """What became of each, 50 at a time: an appointment's id, or the refusal's reason."""
    limit = asyncio.Semaphore(50)

    async def one(at: datetime, minutes: int) -> str:
        async with limit:
            try:
                answer = await customer.api.post(
                    "/api/appointments", body(calendar_id, at, minutes)
                )
            except RefusedError as refused:
                text = str(refused)
                details = json.loads(text[text.index("{") :])["details"]
                # The edge itself has none: the service was away.
                return str(details[0]["reason"]) if details else "lost"
            except aiohttp.ClientError:
                return "lost"
            return str(answer["appointment"]["id"])

    return await asyncio.gather(*(one(*each) for each in wanted))


async def test_what_was_acknowledged_before_a_kill_is_there_and_nothing_overlaps(
    stack: Stack, customer: Customer, rows: Rows
) -> None:
    calendar_id, start = await a_calendar(customer), in_hours(30)
    wanted = [
        (start + timedelta(minutes=15 * (place % 250)), 15 if place % 3 else 30)
        for place in range(500)
    ]
    booking = asyncio.create_task(book_all(customer, calendar_id, wanted))
    count = "select count(*) from scheduling.appointments where org_id = $1"

    async def fifty_are_booked() -> bool:
        return bool(await rows.fetchval(count, UUID(customer.org_id)) >= 50)

    await until(fifty_are_booked)
    await stack.supervisor.kill("scheduling")
    outcomes = await booking
    await stack.start_program("scheduling")
    acknowledged = [each for each in outcomes if len(each) == 36]
    assert len(acknowledged) >= 40
    kept = await rows.fetch(
        "select appointment_id from scheduling.appointments where org_id = $1",
        UUID(customer.org_id),
    )
    assert {str(row["appointment_id"]) for row in kept} >= set(acknowledged)
    broken = await rows.fetch("select * from scheduling.verify_books() where violation_count > 0")
    assert [dict(row) for row in broken] == []
