"""Calendars and bookings with defaults, by the stored functions; the clock is an argument."""

import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Json: TypeAlias = dict[str, Any]

# A Monday, 08:00 in UTC.
NOW = datetime(2027, 1, 4, 8, tzinfo=UTC)
ALL_DAY = [{"weekday": day, "start_minute": 0, "end_minute": 1440} for day in range(1, 8)]
OFFICE = [{"weekday": day, "start_minute": 9 * 60, "end_minute": 17 * 60} for day in range(1, 6)]


def later(minutes: float) -> datetime:
    """That many minutes after NOW."""
    return NOW + timedelta(minutes=minutes)


def trace() -> str:
    """A fresh traceparent."""
    return new_root().traceparent


def request() -> dict[str, str]:
    """A fresh request id with the hash of its content."""
    text = secrets.token_hex(8)
    return {"p_request_id": text, "p_request_hash": text}


def settings(**changes: Any) -> Json:
    """A calendar's columns."""
    return {
        "name": "Room 1",
        "kind": "room",
        "zone": "UTC",
        "capacity": 1,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "notice_minutes": 0,
        "horizon_days": 365,
        "slot_minutes": 15,
        "holiday_set": "",
        **changes,
    }


async def a_calendar(
    db: Database, org_id: UUID, *, hours: Sequence[Json] = ALL_DAY, **changes: Any
) -> UUID:
    """A new calendar, open all day unless told."""
    answer = await db.value(
        "create_calendar",
        p_org_id=org_id,
        p_calendar_id=new_id(),
        p_settings=settings(**changes),
        p_hours=list(hours),
        p_feed_secret_hash=b"hash",
        **request(),
        p_traceparent=trace(),
        p_now=NOW,
    )
    return UUID(answer["calendar_id"])


async def update_calendar(
    db: Database,
    org_id: UUID,
    calendar_id: UUID,
    *,
    hours: Sequence[Json] | None = None,
    now: datetime = NOW,
    **changes: Any,
) -> Json:
    """Changes a calendar, whatever its version."""
    before = await db.value("get_calendar", p_org_id=org_id, p_calendar_id=calendar_id)
    answer: Json = await db.value(
        "update_calendar",
        p_org_id=org_id,
        p_calendar_id=calendar_id,
        p_version=before["version"],
        p_settings=changes,
        p_hours=None if hours is None else list(hours),
        p_traceparent=trace(),
        p_now=now,
    )
    return answer


async def a_service(
    db: Database, org_id: UUID, calendar_ids: Sequence[UUID], **changes: Any
) -> UUID:
    """A new service of 30 or 60 minutes on those calendars."""
    arguments = {
        "p_name": "Consultation",
        "p_durations_minutes": [30, 60],
        "p_price_credits": None,
        "p_needs_approval": False,
        **changes,
    }
    answer = await db.value(
        "create_service",
        p_org_id=org_id,
        p_service_id=new_id(),
        p_calendar_ids=list(calendar_ids),
        **arguments,
        **request(),
        p_traceparent=trace(),
        p_now=NOW,
    )
    return UUID(answer["service_id"])


async def book(
    db: Database,
    org_id: UUID,
    calendar_id: UUID | None,
    at: datetime,
    minutes: int = 60,
    *,
    now: datetime = NOW,
    **changes: Any,
) -> Json:
    """Books; raises DomainError where it is refused."""
    arguments = {
        "p_calendar_ids": None if calendar_id is None else [calendar_id],
        "p_contact_id": uuid4(),
        **changes,
    }
    answer: Json = await db.value(
        "book_appointment_with_lock",
        p_org_id=org_id,
        p_scheduled_at=at,
        p_duration_minutes=minutes,
        **arguments,
        p_now=now,
    )
    return answer


async def outcome_of(work: Any) -> str:
    """'booked', or the reason of the refusal."""
    try:
        await work
    except DomainError as refused:
        return refused.reason
    return "booked"


async def refusal_of(work: Any) -> DomainError:
    """The refusal that the work ends with."""
    try:
        await work
    except DomainError as refused:
        return refused
    raise AssertionError("it was not refused")


async def hold(
    db: Database,
    org_id: UUID,
    calendar_id: UUID,
    at: datetime,
    minutes: int = 60,
    *,
    seconds: int = 600,
    now: datetime = NOW,
) -> UUID:
    """Holds a slot."""
    answer = await db.value(
        "hold_slot",
        p_org_id=org_id,
        p_contact_id=uuid4(),
        p_scheduled_at=at,
        p_duration_minutes=minutes,
        p_service_id=None,
        p_calendar_ids=[calendar_id],
        p_hold_seconds=seconds,
        **request(),
        p_traceparent=trace(),
        p_now=now,
    )
    return UUID(answer["hold_id"])


async def confirm(db: Database, org_id: UUID, hold_id: UUID, *, now: datetime = NOW) -> Json:
    """Makes the appointment of a hold."""
    answer: Json = await db.value(
        "confirm_hold",
        p_org_id=org_id,
        p_hold_id=hold_id,
        p_notes=None,
        p_metadata=None,
        p_traceparent=trace(),
        p_now=now,
    )
    return answer


async def release(db: Database, org_id: UUID, hold_id: UUID, *, now: datetime = NOW) -> Json:
    """Releases a hold."""
    answer: Json = await db.value(
        "release_hold", p_org_id=org_id, p_hold_id=hold_id, p_traceparent=trace(), p_now=now
    )
    return answer


async def move(
    db: Database,
    org_id: UUID,
    appointment_id: Any,
    at: datetime,
    minutes: int | None = None,
    *,
    now: datetime = NOW,
) -> Json:
    """Reschedules."""
    answer: Json = await db.value(
        "reschedule_appointment",
        p_org_id=org_id,
        p_appointment_id=UUID(str(appointment_id)),
        p_scheduled_at=at,
        p_duration_minutes=minutes,
        **request(),
        p_traceparent=trace(),
        p_now=now,
    )
    return answer


async def cancel(db: Database, org_id: UUID, appointment_id: Any, *, now: datetime = NOW) -> Json:
    """Cancels."""
    answer: Json = await db.value(
        "cancel_appointment",
        p_org_id=org_id,
        p_appointment_id=UUID(str(appointment_id)),
        **request(),
        p_traceparent=trace(),
        p_now=now,
    )
    return answer


async def delete(db: Database, org_id: UUID, appointment_id: Any, *, now: datetime = NOW) -> None:
    """Deletes softly."""
    await db.value(
        "delete_appointment",
        p_org_id=org_id,
        p_appointment_id=UUID(str(appointment_id)),
        p_traceparent=trace(),
        p_now=now,
    )


async def leave(db: Database, org_id: UUID, entry_id: UUID, *, now: datetime = NOW) -> Json:
    """Leaves the waitlist."""
    answer: Json = await db.value(
        "leave_waitlist", p_org_id=org_id, p_entry_id=entry_id, p_traceparent=trace(), p_now=now
    )
    return answer


async def step(
    db: Database, org_id: UUID, appointment_id: Any, to: str, *, now: datetime = NOW
) -> Json:
    """Approves, completes or marks as no-show."""
    answer: Json = await db.value(
        "step_appointment",
        p_org_id=org_id,
        p_appointment_id=UUID(str(appointment_id)),
        p_to=to,
        **request(),
        p_traceparent=trace(),
        p_now=now,
    )
    return answer


async def join(
    db: Database,
    org_id: UUID,
    calendar_id: UUID | None,
    earliest: datetime,
    latest: datetime,
    minutes: int = 60,
    *,
    calendar_ids: Sequence[UUID] = (),
    now: datetime = NOW,
) -> UUID:
    """Joins the waitlist."""
    answer = await db.value(
        "join_waitlist",
        p_org_id=org_id,
        p_contact_id=uuid4(),
        p_service_id=None,
        p_calendar_ids=list(calendar_ids) if calendar_id is None else [calendar_id],
        p_earliest=earliest,
        p_latest=latest,
        p_duration_minutes=minutes,
        **request(),
        p_traceparent=trace(),
        p_now=now,
    )
    return UUID(answer["entry_id"])


async def promote_waiting(db: Database, *, limit: int = 100, now: datetime = NOW) -> int | None:
    """One tick of the waitlist's sweep; each second has its own."""
    ended: int | None = await db.value(
        "promote_waiting", p_limit=limit, p_every_seconds=1.0, p_traceparent=trace(), p_now=now
    )
    return ended


async def slots(
    db: Database,
    org_id: UUID,
    calendar_ids: Sequence[UUID],
    start: datetime,
    end: datetime,
    minutes: int = 60,
    *,
    together: bool = False,
    limit: int = 10_000,
    after: tuple[datetime, UUID] | None = None,
    now: datetime = NOW,
) -> list[tuple[datetime, UUID]]:
    """Free slots: start and calendar."""
    after_start, after_calendar_id = after or (None, None)
    rows = await db.rows(
        "list_slots",
        p_org_id=org_id,
        p_calendar_ids=list(calendar_ids),
        p_from=start,
        p_to=end,
        p_duration_minutes=minutes,
        p_together=together,
        p_limit=limit,
        p_after_start=after_start,
        p_after_calendar_id=after_calendar_id,
        p_now=now,
    )
    return [(row["starts_at"], row["calendar_id"]) for row in rows]


async def starts(
    db: Database, org_id: UUID, calendar_id: UUID, start: datetime, end: datetime, **more: Any
) -> list[datetime]:
    """Starts of one calendar's free slots."""
    return [at for at, _ in await slots(db, org_id, [calendar_id], start, end, **more)]


async def add_exception(
    db: Database, org_id: UUID, calendar_id: UUID, day: Any, kind: str, start: int, end: int
) -> UUID:
    """Opens or closes hours of a day."""
    answer = await db.value(
        "add_exception",
        p_org_id=org_id,
        p_calendar_id=calendar_id,
        p_exception_id=new_id(),
        p_day=day,
        p_kind=kind,
        p_start_minute=start,
        p_end_minute=end,
        **request(),
        p_traceparent=trace(),
        p_now=NOW,
    )
    return UUID(answer["exception_id"])


async def broken_equations(db: Database) -> dict[str, list[str]]:
    """Equations of the books that do not hold, with what breaks them."""
    rows = await db.rows("verify_books")
    return {row["equation"]: row["violations"] for row in rows if row["violation_count"]}


async def overlaps(admin: Admin) -> int:
    """Pairs of live claims of one seat that overlap, without asking the constraint."""
    count: int = await admin.fetchval(
        """select count(*) from scheduling.claims a join scheduling.claims b
             on a.org_id = b.org_id and a.calendar_id = b.calendar_id and a.seat = b.seat
             and a.claim_id < b.claim_id and a.during && b.during
           where a.status in ('held', 'booked') and b.status in ('held', 'booked')"""
    )
    return count


async def holidays(db: Database, org_id: UUID, holiday_set: str, *days: date) -> None:
    """Replaces the days of a holiday set."""
    await db.value(
        "save_holidays",
        p_org_id=org_id,
        p_holiday_set=holiday_set,
        p_days=list(days),
        p_names=["holiday"] * len(days),
        p_traceparent=trace(),
        p_now=NOW,
    )


async def book_series(
    db: Database, org_id: UUID, calendar_id: UUID, when: Sequence[datetime]
) -> Json:
    """Books a series at those times."""
    answer: Json = await db.value(
        "book_series",
        p_org_id=org_id,
        p_contact_id=uuid4(),
        p_service_id=None,
        p_calendar_ids=[calendar_id],
        p_rule="FREQ=WEEKLY;COUNT=4",
        p_local_start=when[0].replace(tzinfo=None),
        p_zone="UTC",
        p_starts=list(when),
        p_duration_minutes=60,
        p_notes=None,
        p_metadata=None,
        **request(),
        p_traceparent=trace(),
        p_now=NOW,
    )
    return answer


async def an_import(db: Database, org_id: UUID, calendar_id: UUID, busy: datetime) -> UUID:
    """An external calendar, read once: busy for an hour."""
    import_id, token = new_id(), uuid4()
    await db.value(
        "create_import",
        p_org_id=org_id,
        p_import_id=import_id,
        p_calendar_id=calendar_id,
        p_ciphertext=b"sealed",
        p_every_seconds=900,
        **request(),
        p_traceparent=trace(),
        p_now=NOW,
    )
    await db.rows("claim_imports", p_token=token, p_limit=10, p_lease_seconds=60.0, p_now=NOW)
    await db.value(
        "finish_import",
        p_org_id=org_id,
        p_import_id=import_id,
        p_token=token,
        p_starts=[busy],
        p_ends=[busy + timedelta(hours=1)],
        p_etag="",
        p_last_modified="",
        p_content_hash="",
        p_error=None,
        p_now=NOW,
    )
    return import_id
