"""What the stored functions answer: JSON objects made into dataclasses."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

STATUSES: Final = ("pending", "confirmed", "completed", "cancelled", "no_show")
APPOINTMENT_FILTERS: Final = (*STATUSES, "open")
HOLD_STATUSES: Final = ("live", "confirmed", "released", "expired")
WAITLIST_STATUSES: Final = ("waiting", "promoted", "left", "expired")
KINDS: Final = ("person", "room", "device")

Kind = TypeVar("Kind")


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
    """What is booked: on all of its calendars."""

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
class Appointment:
    """A booking: its instant, and the wall time and zone that it was made for."""

    appointment_id: UUID
    contact_id: UUID
    service_id: UUID | None
    series_id: UUID | None
    calendar_ids: tuple[UUID, ...]
    scheduled_at: datetime
    duration_minutes: int
    local_time: datetime
    zone: str
    status: str
    price_credits: int | None
    notes: str | None
    metadata: dict[str, Any]
    sequence: int
    created_at: datetime
    updated_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An appointment as it was booked; `lock_rejected`: another call had the locks of its time."""

    appointment: Appointment
    lock_rejected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of an appointment's audit trail."""

    ordinal: int
    action: str
    actor: str
    before: dict[str, Any]
    after: dict[str, Any]
    occurred_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A slot kept free for somebody."""

    hold_id: UUID
    contact_id: UUID
    calendar_ids: tuple[UUID, ...]
    scheduled_at: datetime
    duration_minutes: int
    status: str
    expires_at: datetime
    appointment_id: UUID | None
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitlistEntry:
    """Somebody who waits for a slot that begins from `earliest` until `latest`."""

    entry_id: UUID
    contact_id: UUID
    calendar_ids: tuple[UUID, ...]
    earliest: datetime
    latest: datetime
    duration_minutes: int
    status: str
    appointment_id: UUID | None
    created_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A time that is in the way."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What became of one start of a series; `calendar_id` is the one that could not be had."""

    starts_at: datetime
    outcome: str
    appointment_id: UUID | None = None
    calendar_id: UUID | None = None
    cause: str | None = None
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRule:
    """A series as it was asked for."""

    series_id: UUID
    contact_id: UUID
    rule: str
    local_start: datetime
    zone: str
    created_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series as it was booked."""

    series_id: UUID
    trace_id: str
    occurrences: tuple[Occurrence, ...]


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
class Slot:
    """A free time of a calendar."""

    calendar_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What is to be booked, held or waited for; without calendars: those of the service."""

    contact_id: UUID
    calendar_ids: tuple[UUID, ...] = ()
    service_id: UUID | None = None
    duration_minutes: int
    notes: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def read(kind: type[Kind], value: Any) -> Kind:
    """The JSON object that a stored function answered, as what it is."""
    return msgspec.convert(value, kind)
