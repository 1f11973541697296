"""Calendars, their services, free slots and imports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from services.chassis.trace import TraceContext

KINDS: Final = ("person", "room", "device")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHours:
    """Hours of a weekday (1 Monday to 7 Sunday) in minutes after local midnight."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A person, a room or a device that can be booked."""

    calendar_id: UUID
    name: str
    kind: str
    zone: str
    capacity: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    notice_minutes: int
    horizon_days: int
    slot_minutes: int
    holiday_set: str
    status: str
    version: int
    created_at: datetime
    hours: tuple[OpenHours, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayException:
    """Hours of one day that are open or closed besides the weekly ones."""

    exception_id: UUID
    day: date
    kind: str
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is booked, on all of its calendars."""

    service_id: UUID
    name: str
    durations_minutes: tuple[int, ...]
    calendar_ids: tuple[UUID, ...]
    price_credits: int | None
    needs_approval: bool
    status: str
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A free time of a calendar."""

    calendar_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSearch:
    """Which free slots to list; with `service_id` those that are free on all its calendars."""

    calendar_ids: tuple[UUID, ...]
    service_id: UUID | None
    start: datetime
    end: datetime
    duration_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An external calendar whose busy times close one of ours."""

    import_id: UUID
    calendar_id: UUID
    status: str
    every_seconds: int
    failure_count: int
    last_error: str | None
    imported_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueImport:
    """A claimed import, with what its last reading left."""

    org_id: UUID
    import_id: UUID
    calendar_id: UUID
    ciphertext: bytes
    etag: str
    last_modified: str
    content_hash: str
    imported_at: datetime | None
    zone: str
    horizon_days: int
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReading:
    """The result of a reading: busy times (None: unchanged), or why it failed."""

    busy: Sequence[tuple[datetime, datetime]] | None = None
    etag: str = ""
    last_modified: str = ""
    content_hash: str = ""
    error: str | None = None
