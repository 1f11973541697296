"""Calendars, services and imports with defaults; the clock is an argument."""

import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from services.chassis.database import Database
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
    """A new calendar, open all day by default."""
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
