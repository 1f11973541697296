"""Appointments, series, holds and the waitlist, and the requests for them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

STATUSES: Final = ("pending", "confirmed", "completed", "cancelled", "no_show")
APPOINTMENT_FILTERS: Final = (*STATUSES, "open")
HOLD_STATUSES: Final = ("live", "confirmed", "released", "expired")
WAITLIST_STATUSES: Final = ("waiting", "promoted", "left", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRequest:
    """What to book, hold or wait for; without `calendar_ids` the calendars of the service."""

    contact_id: UUID
    calendar_ids: tuple[UUID, ...] = ()
    service_id: UUID | None = None
    duration_minutes: int
    notes: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WallTime:
    """A wall time; where clocks show it twice, `fold` 0 means the first, 1 the second."""

    local_time: datetime
    fold: int | None


# When a booking shall begin: an instant, or a wall time in the zone of its calendar.
TimeRequest: TypeAlias = datetime | WallTime


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
    """A new appointment; `lock_rejected`: another call had the locks of its time."""

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
    """A slot that is kept free for a contact."""

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
    """A contact that waits for a slot that begins from `earliest` until `latest`."""

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
    """A booked or held time that overlaps the requested one."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """The outcome of one start of a series; `calendar_id` is the calendar that refused it."""

    starts_at: datetime
    outcome: str
    appointment_id: UUID | None = None
    calendar_id: UUID | None = None
    cause: str | None = None
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRule:
    """A series as it was requested."""

    series_id: UUID
    contact_id: UUID
    rule: str
    local_start: datetime
    zone: str
    created_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series with the outcome of each start."""

    series_id: UUID
    trace_id: str
    occurrences: tuple[Occurrence, ...]
