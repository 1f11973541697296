"""A thousand bookings of one slot: exactly its seats succeed."""

import asyncio
import json
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database, pooled
from tests.conftest import config_for, with_login
from tests.schema.scheduling.bookings import (
    book,
    broken_equations,
    outcome_of,
    overlaps,
    refusal_of,
)
from tests.schema.scheduling.builders import NOW, OFFICE, Admin, a_calendar, a_service, later
from tests.system.waiting import until

ATTEMPTS = 1000
CONNECTIONS = 64
TOMORROW = NOW + timedelta(days=1)


async def deadlocks(admin: Admin) -> int:
    """How many deadlocks the database had, those of repeated calls included."""

    async def has_told() -> bool:
        # A connection reports to the statistics when it is closed.
        crowd = await admin.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database()"
        )
        return bool(crowd < CONNECTIONS / 2)

    assert await until(has_told)
    count: int = await admin.fetchval(
        "select deadlocks from pg_stat_database where datname = current_database()"
    )
    return count


async def all_outcomes(
    database_url: str, org_id: UUID, calendar_id: UUID, wanted: list[tuple[datetime, int]]
) -> Counter[str]:
    """Outcomes of concurrent attempts on 64 connections, which are closed at the end."""
    config = config_for(with_login(database_url, "waybill_scheduling"))
    crowded = config.model_copy(update={"database_connections_max": CONNECTIONS})
    async with pooled("scheduling", crowded) as db:
        # Opens all connections before the first attempt.
        await asyncio.gather(*(db.rows("verify_books") for _ in range(CONNECTIONS)))
        outcomes = await asyncio.gather(
            *(outcome_of(book(db, org_id, calendar_id, at, minutes)) for at, minutes in wanted)
        )
    return Counter(outcomes)


@pytest.mark.parametrize("capacity", [1, 10])
async def test_a_thousand_attempts_on_one_slot_book_exactly_its_seats(
    database_url: str, scheduling_db: Database, admin: Admin, capacity: int
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, capacity=capacity)
    wanted = [(TOMORROW, 60)] * ATTEMPTS
    outcomes = await all_outcomes(database_url, org_id, calendar_id, wanted)
    assert await deadlocks(admin) == 0
    assert outcomes == {"booked": capacity, "SLOT_TAKEN": ATTEMPTS - capacity}
    assert await overlaps(admin) == 0
    assert await broken_equations(scheduling_db) == {}


async def test_a_thousand_free_slots_of_one_calendar_are_all_booked(
    database_url: str, scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    wanted = [(TOMORROW + timedelta(minutes=15 * place), 15) for place in range(ATTEMPTS)]
    random.Random(1).shuffle(wanted)
    outcomes = await all_outcomes(database_url, org_id, calendar_id, wanted)
    assert await deadlocks(admin) == 0
    assert outcomes == {"booked": ATTEMPTS}
    assert await overlaps(admin) == 0


async def test_overlapping_bookings_of_mixed_length_never_overlap(
    database_url: str, scheduling_db: Database, admin: Admin
) -> None:
    org_id, rng = uuid4(), random.Random(2)
    calendar_id = await a_calendar(
        scheduling_db, org_id, buffer_before_minutes=5, buffer_after_minutes=10
    )
    wanted = [
        (TOMORROW + timedelta(minutes=15 * rng.randrange(96)), rng.choice([15, 30, 45, 90, 240]))
        for _ in range(ATTEMPTS)
    ]
    outcomes = await all_outcomes(database_url, org_id, calendar_id, wanted)
    assert await deadlocks(admin) == 0
    assert set(outcomes) == {"booked", "SLOT_TAKEN"}
    assert await overlaps(admin) == 0
    assert await broken_equations(scheduling_db) == {}


async def test_bookings_on_several_calendars_get_all_of_them_or_none(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id) for _ in range(3)]
    pairs = [[rooms[0], rooms[1]], [rooms[2], rooms[1]], [rooms[2], rooms[0]]] * 100
    outcomes = Counter(
        await asyncio.gather(
            *(
                outcome_of(book(scheduling_db, org_id, None, TOMORROW, p_calendar_ids=pair))
                for pair in pairs
            )
        )
    )
    assert outcomes == {"booked": 1, "SLOT_TAKEN": 299}
    claims = await admin.fetchval("select count(*) from scheduling.claims where status = 'booked'")
    assert claims == 2
    assert await broken_equations(scheduling_db) == {}


async def test_without_the_locks_the_constraint_still_decides(
    database_url: str, scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await admin.execute(
        """create or replace function scheduling.lock_buckets(
             p_org_id uuid, p_calendar_ids uuid[], p_from timestamptz, p_to timestamptz)
           returns boolean
           language sql as 'select true'"""
    )
    outcomes = await all_outcomes(database_url, org_id, calendar_id, [(TOMORROW, 60)] * 200)
    assert await deadlocks(admin) == 0
    assert outcomes == {"booked": 1, "SLOT_TAKEN": 199}


async def test_a_refusal_says_what_is_in_the_way_and_what_is_free(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, buffer_after_minutes=15)
    first = await book(
        scheduling_db, org_id, calendar_id, TOMORROW, p_notes="knee surgery", p_metadata={"a": 1}
    )
    refused = await refusal_of(
        book(scheduling_db, org_id, calendar_id, TOMORROW + timedelta(minutes=30))
    )
    assert refused.reason == "SLOT_TAKEN"
    assert refused.status.name == "ALREADY_EXISTS"
    assert json.loads(refused.metadata["conflicts"]) == [
        {"start": "2027-01-05T08:00:00+00:00", "end": "2027-01-05T09:15:00+00:00"}
    ]
    assert json.loads(refused.metadata["next_slots"])[0] == "2027-01-05T09:15:00+00:00"
    text = str(refused) + json.dumps(refused.metadata)
    for secret in (first["appointment_id"], first["contact_id"], "knee"):
        assert secret not in text


@pytest.mark.parametrize(
    ("minutes", "cause"),
    [(30, "notice"), (60 + 7, "grid"), (10 * 60, "hours"), (60 * 24 * 40, "horizon")],
)
async def test_a_time_that_is_never_bookable_says_why(
    scheduling_db: Database, minutes: int, cause: str
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(
        scheduling_db, org_id, hours=OFFICE, notice_minutes=60, horizon_days=30
    )
    refused = await refusal_of(book(scheduling_db, org_id, calendar_id, later(minutes), 30))
    assert (refused.reason, refused.metadata["cause"]) == ("SLOT_CLOSED", cause)


async def test_a_request_id_books_once_and_answers_the_same(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id, contact_id = uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    same: dict[str, Any] = {"p_contact_id": contact_id, "p_request_id": "r1"}
    answers = await asyncio.gather(
        *(book(scheduling_db, org_id, calendar_id, TOMORROW, **same) for _ in range(20))
    )
    assert all(answer == answers[0] for answer in answers)
    assert await admin.fetchval("select count(*) from scheduling.appointments") == 1
    other = book(scheduling_db, org_id, calendar_id, TOMORROW + timedelta(hours=2), **same)
    assert await outcome_of(other) == "REQUEST_ID_REUSED"


async def test_a_service_brings_its_calendars_durations_price_and_approval(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id) for _ in range(2)]
    service_id = await a_service(
        scheduling_db, org_id, rooms, p_price_credits=3, p_needs_approval=True
    )
    booked = await book(scheduling_db, org_id, None, TOMORROW, p_service_id=service_id)
    assert (booked["status"], booked["price_credits"]) == ("pending", 3)
    assert set(booked["calendar_ids"]) == {str(room) for room in rooms}
    # A pending appointment blocks from the first moment.
    again = book(scheduling_db, org_id, rooms[1], TOMORROW)
    assert await outcome_of(again) == "SLOT_TAKEN"
    wrong = book(scheduling_db, org_id, None, TOMORROW, 45, p_service_id=service_id)
    assert await outcome_of(wrong) == "DURATION_REFUSED"


async def test_calendars_and_services_of_another_org_are_not_found(scheduling_db: Database) -> None:
    ours, theirs = uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, theirs)
    service_id = await a_service(scheduling_db, theirs, [calendar_id])
    assert (
        await outcome_of(book(scheduling_db, ours, calendar_id, TOMORROW)) == "CALENDAR_NOT_FOUND"
    )
    by_service = book(scheduling_db, ours, None, TOMORROW, p_service_id=service_id)
    assert await outcome_of(by_service) == "SERVICE_NOT_FOUND"


async def test_it_is_callable_from_sql_with_the_first_four_arguments_and_a_service(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    service_id = await a_service(scheduling_db, org_id, [calendar_id])
    soon = await admin.fetchval("select date_trunc('hour', now()) + interval '1 day'")
    await admin.execute(
        "select scheduling.book_appointment_with_lock($1, $2, $3, 30, $4)",
        *(org_id, uuid4(), soon, service_id),
    )
    trace_id = await admin.fetchval("select trace_id from scheduling.appointments")
    assert len(trace_id) == 32


async def test_waiting_too_long_for_a_competitor_is_slot_busy(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await admin.execute("alter function scheduling.place_claims set lock_timeout = '50ms'")
    async with admin.transaction():
        await admin.execute(
            "select scheduling.book_appointment_with_lock($1, $2, $3, 60, p_calendar_ids => $4,"
            " p_now => $5)",
            *(org_id, uuid4(), TOMORROW, [calendar_id], NOW),
        )
        refused = await refusal_of(book(scheduling_db, org_id, calendar_id, TOMORROW))
    assert (refused.reason, refused.status.name) == ("SLOT_BUSY", "ABORTED")
    assert refused.retry_after_seconds == 1


async def test_bookings_with_the_same_key_are_made_one_after_another(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    mine, other = [await a_calendar(scheduling_db, org_id) for _ in range(2)]
    await admin.execute("alter function scheduling.place_claims set lock_timeout = '50ms'")
    async with admin.transaction():
        await admin.execute(
            "select scheduling.book_appointment_with_lock($1, $2, $3, 60, p_calendar_ids => $4,"
            " p_lock_key => 'team', p_now => $5)",
            *(org_id, uuid4(), TOMORROW, [mine], NOW),
        )
        same = book(scheduling_db, org_id, other, TOMORROW, p_lock_key="team")
        assert await outcome_of(same) == "SLOT_BUSY"
        another = book(scheduling_db, org_id, other, TOMORROW, p_lock_key="crew")
        assert await outcome_of(another) == "booked"
    later_on = TOMORROW + timedelta(hours=1)
    afterwards = book(scheduling_db, org_id, other, later_on, p_lock_key="team")
    assert await outcome_of(afterwards) == "booked"


async def test_a_rejected_lock_is_distinguished_from_a_taken_slot(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, slot_minutes=5)
    five = timedelta(minutes=5)
    first = await book(scheduling_db, org_id, calendar_id, TOMORROW, 5)
    assert first["lock_rejected"] is False
    taken = await refusal_of(book(scheduling_db, org_id, calendar_id, TOMORROW, 5))
    assert (taken.reason, taken.metadata["lock_rejected"]) == ("SLOT_TAKEN", "false")
    async with admin.transaction():
        # Another one has the quarter of an hour, but not this slot.
        await admin.execute(
            "select scheduling.book_appointment_with_lock($1, $2, $3, 5, p_calendar_ids => $4,"
            " p_now => $5)",
            *(org_id, uuid4(), TOMORROW + five, [calendar_id], NOW),
        )
        beside = await book(scheduling_db, org_id, calendar_id, TOMORROW + 2 * five, 5)
        assert beside["lock_rejected"] is True
        taken = await refusal_of(book(scheduling_db, org_id, calendar_id, TOMORROW, 5))
    assert (taken.reason, taken.metadata["lock_rejected"]) == ("SLOT_TAKEN", "true")


async def test_a_repeat_from_a_session_of_another_zone_is_the_same_request(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id, contact_id = uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(
        scheduling_db, org_id, calendar_id, TOMORROW, p_contact_id=contact_id, p_request_id="r1"
    )
    await admin.execute("set timezone = 'Asia/Kathmandu'")
    again = await admin.fetchval(
        "select scheduling.book_appointment_with_lock($1, $2, $3, 60, p_calendar_ids => $4,"
        " p_request_id => 'r1', p_now => $5)",
        *(org_id, contact_id, TOMORROW, [calendar_id], NOW),
    )
    assert json.loads(again)["appointment_id"] == booked["appointment_id"]


@pytest.mark.parametrize("missing", ["p_contact_id", "p_scheduled_at", "p_duration_minutes"])
async def test_contact_time_and_duration_are_required(
    scheduling_db: Database, missing: str
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    arguments = {
        "p_org_id": org_id, "p_contact_id": uuid4(), "p_scheduled_at": TOMORROW,
        "p_duration_minutes": 60, "p_calendar_ids": [calendar_id], "p_now": NOW, missing: None,
    }  # fmt: skip
    refused = await refusal_of(scheduling_db.value("book_appointment_with_lock", **arguments))
    assert refused.reason == "INVALID_REQUEST"
    assert missing.removeprefix("p_") in refused.metadata["fields"]
