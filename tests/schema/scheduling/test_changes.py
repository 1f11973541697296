"""Moves, cancellations, holds, approval and the ends of appointments."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.builders import (
    NOW,
    Admin,
    a_calendar,
    a_service,
    book,
    book_series,
    broken_equations,
    cancel,
    confirm,
    hold,
    later,
    move,
    outcome_of,
    overlaps,
    refusal_of,
    release,
    step,
    trace,
)

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_a_move_frees_the_old_time_and_takes_the_new(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    moved = await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW + 3 * HOUR)
    assert (moved["scheduled_at"], moved["sequence"]) == ("2027-01-05T11:00:00+00:00", 1)
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    taken = book(scheduling_db, org_id, calendar_id, TOMORROW + 3 * HOUR)
    assert await outcome_of(taken) == "SLOT_TAKEN"
    assert await broken_equations(scheduling_db) == {}


async def test_a_move_that_overlaps_itself_and_a_longer_duration(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    id_ = booked["appointment_id"]
    moved = await move(scheduling_db, org_id, id_, TOMORROW + HOUR / 2, 90)
    assert moved["duration_minutes"] == 90
    assert await broken_equations(scheduling_db) == {}


async def test_a_move_to_where_it_is_changes_nothing(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    moved = await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW, 60)
    assert moved == {key: each for key, each in booked.items() if key != "lock_rejected"}
    assert await broken_equations(scheduling_db) == {}


async def test_a_refused_move_leaves_the_appointment_where_it_was(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    mine = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    await book(scheduling_db, org_id, calendar_id, TOMORROW + HOUR)
    refused = move(scheduling_db, org_id, mine["appointment_id"], TOMORROW + HOUR / 2)
    assert await outcome_of(refused) == "SLOT_TAKEN"
    taken = book(scheduling_db, org_id, calendar_id, TOMORROW)
    assert await outcome_of(taken) == "SLOT_TAKEN"
    assert await broken_equations(scheduling_db) == {}


async def test_many_moves_at_once_end_without_overlap(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    ids = [
        (await book(scheduling_db, org_id, calendar_id, TOMORROW + place * HOUR))["appointment_id"]
        for place in range(20)
    ]
    # Everybody wants the time of somebody else, or one of a few free ones.
    outcomes = await asyncio.gather(
        *(
            outcome_of(move(scheduling_db, org_id, id_, TOMORROW + (place * 7 + n) % 26 * HOUR))
            for n in range(5)
            for place, id_ in enumerate(ids)
        )
    )
    assert set(outcomes) <= {"booked", "SLOT_TAKEN"}
    assert Counter(outcomes)["booked"] > 0
    assert await overlaps(admin) == 0
    assert await broken_equations(scheduling_db) == {}


async def test_a_cancelled_time_is_free_and_a_repeat_changes_nothing(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    first = await cancel(scheduling_db, org_id, booked["appointment_id"])
    again = await cancel(scheduling_db, org_id, booked["appointment_id"])
    assert first == again
    assert first["status"] == "cancelled"
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    changes = await admin.fetchval(
        "select count(*) from scheduling.audit_logs where subject_id = $1",
        UUID(booked["appointment_id"]),
    )
    assert changes == 2


async def test_what_is_over_cannot_be_cancelled_moved_or_confirmed(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    id_ = booked["appointment_id"]
    early = step(scheduling_db, org_id, id_, "completed")
    assert await outcome_of(early) == "APPOINTMENT_STATE_REFUSED"
    after = TOMORROW + HOUR
    done = await step(scheduling_db, org_id, id_, "completed", now=after)
    assert done["status"] == "completed"
    for work in (
        cancel(scheduling_db, org_id, id_, now=after),
        move(scheduling_db, org_id, id_, TOMORROW + 5 * HOUR, now=after),
        step(scheduling_db, org_id, id_, "confirmed", now=after),
        step(scheduling_db, org_id, id_, "no_show", now=after),
    ):
        assert await outcome_of(work) == "APPOINTMENT_STATE_REFUSED"
    missing = cancel(scheduling_db, uuid4(), id_)
    assert await outcome_of(missing) == "APPOINTMENT_NOT_FOUND"


async def test_approval_and_no_show(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    service_id = await a_service(scheduling_db, org_id, [calendar_id], p_needs_approval=True)
    booked = await book(scheduling_db, org_id, None, TOMORROW, p_service_id=service_id)
    approved = await step(scheduling_db, org_id, booked["appointment_id"], "confirmed")
    assert (booked["status"], approved["status"]) == ("pending", "confirmed")
    missed = await step(
        scheduling_db, org_id, booked["appointment_id"], "no_show", now=TOMORROW + HOUR
    )
    assert missed["status"] == "no_show"


async def test_a_hold_is_confirmed_until_it_expires(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    in_time = await hold(scheduling_db, org_id, calendar_id, TOMORROW, seconds=60)
    too_late = await hold(scheduling_db, org_id, calendar_id, TOMORROW + HOUR, seconds=60)
    last_moment = NOW + timedelta(seconds=59)
    made = await confirm(scheduling_db, org_id, in_time, now=last_moment)
    assert made["status"] == "confirmed"
    assert await confirm(scheduling_db, org_id, in_time, now=last_moment) == made
    refused = await refusal_of(confirm(scheduling_db, org_id, too_late, now=later(1)))
    assert (refused.reason, refused.metadata["status"]) == ("HOLD_ENDED", "expired")


async def test_a_stale_hold_is_ended_by_who_books_its_time(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW, seconds=60)
    taken = book(scheduling_db, org_id, calendar_id, TOMORROW, now=NOW)
    assert await outcome_of(taken) == "SLOT_TAKEN"
    outcomes = await asyncio.gather(
        *(
            outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW, now=later(1)))
            for _ in range(50)
        )
    )
    assert Counter(outcomes) == {"booked": 1, "SLOT_TAKEN": 49}
    assert await admin.fetchval("select status from scheduling.holds") == "expired"
    assert await broken_equations(scheduling_db) == {}


async def test_a_hold_confirmed_while_others_want_its_time_stays_its_holders(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    held = await hold(scheduling_db, org_id, calendar_id, TOMORROW)
    outcomes = await asyncio.gather(
        *(outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) for _ in range(20)),
        *(outcome_of(confirm(scheduling_db, org_id, held)) for _ in range(3)),
    )
    assert Counter(outcomes) == {"SLOT_TAKEN": 20, "booked": 3}
    assert await broken_equations(scheduling_db) == {}


async def test_a_released_hold_frees_its_time(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    held = await hold(scheduling_db, org_id, calendar_id, TOMORROW)
    assert (await release(scheduling_db, org_id, held))["status"] == "released"
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    assert await outcome_of(confirm(scheduling_db, org_id, held)) == "HOLD_ENDED"


async def test_a_deleted_appointment_is_in_no_list_and_its_time_is_free(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    id_ = UUID(booked["appointment_id"])
    await scheduling_db.value(
        "delete_appointment",
        p_org_id=org_id,
        p_appointment_id=id_,
        p_traceparent=trace(),
        p_now=NOW,
    )
    assert await scheduling_db.row("get_appointment", p_org_id=org_id, p_appointment_id=id_) is None
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    assert await broken_equations(scheduling_db) == {}


async def test_a_series_books_what_it_can_and_reports_the_rest(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, horizon_days=20)
    await book(scheduling_db, org_id, calendar_id, TOMORROW + timedelta(days=7))
    weekly = [TOMORROW + timedelta(days=7 * week) for week in range(4)]
    answer = await book_series(scheduling_db, org_id, calendar_id, weekly)
    outcomes = [each["outcome"] for each in answer["occurrences"]]
    assert outcomes == ["booked", "taken", "booked", "closed"]
    assert answer["occurrences"][1]["conflicts"][0]["start"] == "2027-01-12T08:00:00+00:00"
    assert answer["occurrences"][3]["cause"] == "horizon"
    cancelled = await scheduling_db.value(
        "cancel_series",
        p_org_id=org_id,
        p_series_id=UUID(answer["series_id"]),
        p_traceparent=trace(),
        p_now=NOW,
    )
    assert cancelled == 2
    assert await broken_equations(scheduling_db) == {}


async def test_reminders_leave_once_a_day_before(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    at = NOW + timedelta(days=3)
    await book(scheduling_db, org_id, calendar_id, at)
    gone = await book(scheduling_db, org_id, calendar_id, at + HOUR)
    await cancel(scheduling_db, org_id, gone["appointment_id"])

    async def emit(days: float) -> int | None:
        emitted: int | None = await scheduling_db.value(
            "emit_reminders",
            p_limit=10,
            p_every_seconds=1.0,
            p_traceparent=trace(),
            p_now=NOW + timedelta(days=days),
        )
        return emitted

    assert [await emit(days) for days in (1.9, 2.01, 2.02)] == [0, 1, 0]
    kinds = await admin.fetch("select payload ->> 'kind' as kind from scheduling.outbox")
    assert Counter(row["kind"] for row in kinds) == {
        "appointment.booked": 2,
        "appointment.cancelled": 1,
        "appointment.reminder": 1,
    }


async def test_a_calendars_list_and_feed_have_each_appointment_once_wherever_it_was_moved(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id, buffer_before_minutes=15) for _ in range(2)]
    past, gone, moved, both = [
        (await book(scheduling_db, org_id, None, TOMORROW + hour * HOUR, p_calendar_ids=calendars))[
            "appointment_id"
        ]
        for hour, calendars in ((0, rooms[:1]), (2, rooms[:1]), (4, rooms[:1]), (6, rooms))
    ]
    await book(scheduling_db, org_id, rooms[1], TOMORROW)
    await cancel(scheduling_db, org_id, gone)
    for hour in (10, 4, 10):
        await move(scheduling_db, org_id, moved, TOMORROW + hour * HOUR)

    async def listed(**more: Any) -> list[str]:
        rows = await scheduling_db.rows(
            "list_appointments",
            **{
                "p_org_id": org_id, "p_calendar_id": rooms[0], "p_contact_id": None,
                "p_status": None, "p_from": None, "p_to": None, "p_limit": 10, **more,
            },
        )  # fmt: skip
        return [row["appointment"]["appointment_id"] for row in rows]

    assert await listed() == [past, gone, both, moved]
    assert await listed(p_status="open") == [past, both, moved]
    assert await listed(p_from=TOMORROW + HOUR, p_to=TOMORROW + 7 * HOUR) == [gone, both]
    after = {"p_after_at": TOMORROW + 2 * HOUR, "p_after_id": UUID(gone)}
    assert await listed(p_limit=1, **after) == [both]
    assert await listed(p_calendar_id=uuid4()) == []

    async def fed(limit: int) -> list[str]:
        rows = await scheduling_db.rows(
            "list_feed_appointments", p_org_id=org_id, p_calendar_id=rooms[0], p_from=NOW,
            p_limit=limit, p_now=TOMORROW + 5 * HOUR,
        )  # fmt: skip
        return [row["appointment"]["appointment_id"] for row in rows]

    assert await fed(10) == [past, gone, both, moved]
    # What is to come has the room, and of what is past the last.
    assert await fed(3) == [gone, both, moved]
    assert await fed(1) == [both]


async def test_the_audit_trail_holds_no_personal_data(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(
        scheduling_db, org_id, calendar_id, TOMORROW, p_notes="knee surgery",
        p_metadata={"phone": "+491511234567"},
    )  # fmt: skip
    await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW + HOUR)
    await cancel(scheduling_db, org_id, booked["appointment_id"])
    for table in ("audit_logs", "outbox"):
        rows = await admin.fetch(f"select row_to_json(t)::text as text from scheduling.{table} t")
        told = "".join(row["text"] for row in rows)
        assert len(rows) >= 3
        assert "knee" not in told
        assert "4915" not in told


@pytest.mark.parametrize(
    ("tampering", "equation"),
    [
        ("update scheduling.claims set status = 'released'", "each pending or confirmed"),
        ("update scheduling.appointments set status = 'cancelled'", "no claim outlives"),
        ("update scheduling.appointments set change_count = 5", "each appointment has an audit"),
        ("delete from scheduling.outbox", "each change of an appointment"),
        ("update scheduling.claims set trace_id = repeat('0', 32)", "no row without a trace"),
        ("update scheduling.holds set status = 'released'", "no claim outlives"),
        (
            "delete from scheduling.claims where status = 'held'",
            "each live hold claims",
        ),
        (
            """alter table scheduling.claims drop constraint claims_never_overlap;
               insert into scheduling.claims
               select org_id, gen_random_uuid(), calendar_id, seat, during, status,
                 hold_expires_at, hold_id, appointment_id, created_at, null, null, trace_id
               from scheduling.claims where status = 'booked'""",
            "no two live claims",
        ),
    ],
)
async def test_each_equation_names_what_breaks_it(
    scheduling_db: Database, admin: Admin, tampering: str, equation: str
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await book(scheduling_db, org_id, calendar_id, TOMORROW)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW + HOUR)
    assert await broken_equations(scheduling_db) == {}
    await admin.execute(tampering)
    broken = await broken_equations(scheduling_db)
    assert any(name.startswith(equation) for name in broken), broken


async def test_a_trace_tells_a_booking_and_what_became_of_it(scheduling_db: Database) -> None:
    org_id, other = uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW, p_traceparent=trace())
    await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW + HOUR)
    await cancel(scheduling_db, org_id, booked["appointment_id"])

    async def names(org: UUID) -> list[str]:
        rows = await scheduling_db.rows(
            "get_trace", p_org_ids=[org], p_workspace_id=None, p_trace_id=booked["trace_id"]
        )
        return [row["name"] for row in rows]

    told = await names(org_id)
    for name in ("booked", "rescheduled", "cancelled"):
        assert f"appointment {name}" in told
    assert told.count("claim on a calendar") == 2
    assert await names(other) == []
    found = await scheduling_db.rows(
        "find_traces",
        p_org_ids=[org_id],
        p_workspace_id=None,
        p_kind="external_id",
        p_value=booked["appointment_id"],
        p_limit=5,
    )
    assert [row["trace_id"] for row in found] == [booked["trace_id"]]


@pytest.mark.parametrize("of", ["appointment", "hold", "contact"])
async def test_the_operator_finds_whose_an_id_is(scheduling_db: Database, of: str) -> None:
    org_id, contact_id = uuid4(), uuid4()
    await a_calendar(scheduling_db, uuid4())
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW, p_contact_id=contact_id)
    hold_id = await hold(scheduling_db, org_id, calendar_id, TOMORROW + HOUR)
    ids = {"appointment": booked["appointment_id"], "hold": hold_id, "contact": contact_id}

    async def orgs(kind: str, value: object) -> list[UUID]:
        rows = await scheduling_db.rows("find_orgs_of", p_kind=kind, p_value=str(value))
        return [row["org_id"] for row in rows]

    assert await orgs("external_id", ids[of]) == [org_id]
    assert await orgs("lead_id", ids[of]) == []
    for unknown in (uuid4(), "wamid.1"):
        assert await orgs("external_id", unknown) == []
