"""Requests as scheduling's own types."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from services.scheduling.edge.fields import TimeFields
from services.scheduling.records import KINDS, Booking, OpenHours
from services.scheduling.wall_times import is_zone
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

CALENDARS_MAX: Final = 20
SEARCHED_CALENDARS_MAX: Final = 500
DAYS_MAX: Final = 90
NOTES_CHARACTERS_MAX: Final = 4000
HOURS_MAX: Final = 100
HOLIDAYS_MAX: Final = 1000
MINUTES_MAX: Final = 1440
_SLOT_MINUTES: Final = (5, 10, 15, 20, 30, 60)
_NUMBERS: Final = {
    "capacity": (1, 100),
    "buffer_before_minutes": (0, 240),
    "buffer_after_minutes": (0, 240),
    "notice_minutes": (0, 43_200),
    "horizon_days": (1, 730),
}
_DEFAULTS: Final[dict[str, Any]] = {
    "kind": "person",
    "zone": "UTC",
    "capacity": 1,
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 0,
    "notice_minutes": 0,
    "horizon_days": 90,
    "slot_minutes": 15,
    "holiday_set": "",
}


class What(Protocol):
    """A request that says what is booked, held or waited for."""

    calendar_id: str
    contact_id: str
    duration_minutes: int
    service_id: str

    @property
    def calendar_ids(self) -> Sequence[str]:
        """UUIDs of several calendars."""


class When(Protocol):
    """A request that says when, by instant or by wall time."""

    local_time: str
    fold: int

    @property
    def scheduled_at(self) -> Timestamp:
        """The instant."""

    def HasField(self, field_name: Any) -> bool:
        """Whether a field is there."""


class Papers(Protocol):
    """A request with notes and metadata."""

    notes: str

    @property
    def metadata(self) -> Struct:
        """JSON for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WallTime:
    """A wall time and which of two it is."""

    local_time: datetime
    fold: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which free slots are looked for; `service_id`: those that all of its calendars have."""

    calendar_ids: tuple[UUID, ...]
    service_id: UUID | None
    start: datetime
    end: datetime
    duration_minutes: int


def parse_what(fields: TimeFields, request: What, papers: Papers | None = None) -> Booking:
    """What is to be booked."""
    named = [*([request.calendar_id] if request.calendar_id else []), *request.calendar_ids]
    calendar_ids = fields.uuids("calendar_ids", named, CALENDARS_MAX)
    service_id = fields.optional_uuid("service_id", request.service_id)
    if not calendar_ids and service_id is None:
        fields.refuse("calendar_id", "is required, or calendar_ids, or service_id")
    notes = fields.text("notes", papers.notes, NOTES_CHARACTERS_MAX) if papers else ""
    return Booking(
        contact_id=fields.uuid("contact_id", request.contact_id),
        calendar_ids=tuple(sorted(calendar_ids)),
        service_id=service_id,
        duration_minutes=parse_duration(fields, request.duration_minutes),
        notes=notes or None,
        metadata=fields.json("metadata", papers.metadata) if papers else {},
    )


def parse_etag(fields: TimeFields, etag: str) -> int:
    """The version that an etag names."""
    if not etag.isdecimal() or len(etag) > 9:
        fields.refuse("etag", "is none of ours")
        return 0
    return int(etag)


def parse_duration(fields: TimeFields, minutes: int) -> int:
    """How long, in minutes."""
    return fields.number("duration_minutes", minutes, 1, MINUTES_MAX)


def parse_when(fields: TimeFields, request: When) -> datetime | WallTime:
    """When it begins."""
    if request.HasField("scheduled_at") == bool(request.local_time):
        fields.refuse("scheduled_at", "is required, or else local_time")
    if not request.local_time:
        return fields.moment("scheduled_at", request.scheduled_at)
    fold = request.fold if request.HasField("fold") else None
    return WallTime(
        local_time=fields.local_time("local_time", request.local_time),
        fold=None if fold is None else fields.number("fold", fold, 0, 1),
    )


def parse_range(fields: TimeFields, from_time: str, to_time: str) -> tuple[datetime, datetime]:
    """From when to when; 90 days at most."""
    start, end = fields.instant("from_time", from_time), fields.instant("to_time", to_time)
    if not timedelta() < end - start <= timedelta(days=DAYS_MAX):
        fields.refuse("to_time", f"is not after from_time by {DAYS_MAX} days at most")
    return start, end


def parse_search(request: pb.SearchAvailabilityRequest) -> Search:
    """Which free slots are looked for. Raises INVALID_REQUEST."""
    fields = TimeFields()
    named = [*([request.calendar_id] if request.calendar_id else []), *request.calendar_ids]
    start, end = parse_range(fields, request.from_time, request.to_time)
    search = Search(
        calendar_ids=fields.uuids("calendar_ids", named, SEARCHED_CALENDARS_MAX),
        service_id=fields.optional_uuid("service_id", request.service_id),
        start=start,
        end=end,
        duration_minutes=parse_duration(fields, request.duration_minutes),
    )
    if bool(search.calendar_ids) == (search.service_id is not None):
        fields.refuse("calendar_id", "is required, or calendar_ids, or else service_id")
    fields.done()
    return search


def parse_settings(
    fields: TimeFields, request: pb.CreateCalendarRequest | pb.UpdateCalendarRequest
) -> dict[str, Any]:
    """The columns of a calendar that the request names."""
    settings: dict[str, Any] = {}
    if request.HasField("name"):
        settings["name"] = fields.name("name", request.name)
    if request.HasField("kind"):
        settings["kind"] = fields.one_of("kind", request.kind, KINDS)
    if request.HasField("zone"):
        settings["zone"] = request.zone
        if not is_zone(request.zone):
            fields.refuse("zone", "is no IANA zone: Europe/Berlin")
    for name, (least, most) in _NUMBERS.items():
        # The names are those of the request's own optional fields.
        if request.HasField(name):  # type: ignore[arg-type]
            settings[name] = fields.number(name, getattr(request, name), least, most)
    if request.HasField("slot_minutes"):
        settings["slot_minutes"] = request.slot_minutes
        if request.slot_minutes not in _SLOT_MINUTES:
            fields.refuse("slot_minutes", f"is not one of {_SLOT_MINUTES}")
    if request.HasField("holiday_set"):
        settings["holiday_set"] = fields.text("holiday_set", request.holiday_set, 100)
    return settings


def with_defaults(fields: TimeFields, settings: dict[str, Any]) -> dict[str, Any]:
    """A new calendar's columns; a name it must have."""
    if "name" not in settings:
        fields.refuse("name", "is required")
    return {**_DEFAULTS, **settings}


def parse_hours(
    fields: TimeFields, request: pb.CreateCalendarRequest | pb.UpdateCalendarRequest
) -> list[OpenHours] | None:
    """The weekly hours that the request brings, or None."""
    if not request.HasField("weekly_hours"):
        return None
    if len(request.weekly_hours.hours) > HOURS_MAX:
        fields.refuse("weekly_hours", f"has more than {HOURS_MAX} elements")
    hours = {}
    for index, each in enumerate(request.weekly_hours.hours):
        field = f"weekly_hours.hours[{index}]"
        parse_minutes(fields, field, each.start_minute, each.end_minute)
        hours[each.weekday, each.start_minute] = OpenHours(
            weekday=fields.number(f"{field}.weekday", each.weekday, 1, 7),
            start_minute=each.start_minute,
            end_minute=each.end_minute,
        )
    return list(hours.values())


def parse_minutes(fields: TimeFields, field: str, start: int, end: int) -> None:
    """Refuses minutes of a day that are out of bounds or the wrong way around."""
    fields.number(f"{field}.start_minute", start, 0, MINUTES_MAX - 1)
    fields.number(f"{field}.end_minute", end, 1, 2 * MINUTES_MAX)
    if start >= end:
        fields.refuse(f"{field}.end_minute", "is not after start_minute")
