"""Bookings, holds and waitlist entries by the stored functions, and checks of what they left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.errors import DomainError
from tests.schema.scheduling.builders import NOW, Admin, Json, request, trace


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


async def broken_equations(db: Database) -> dict[str, list[str]]:
    """Equations of the consistency check that do not hold, with what breaks them."""
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
