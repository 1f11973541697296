"""Requests as records."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.records.appointments import BookingRequest, TimeRequest, WallTime
from services.scheduling.records.calendars import KINDS, OpenHours, SlotSearch
from services.scheduling.wall_times import is_zone
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

CALENDARS_MAX: Final = 20
SEARCHED_CALENDARS_MAX: Final = 500
DAYS_MAX: Final = 90
NOTES_CHARACTERS_MAX: Final = 4000
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


def parse_booking(
    fields: SchedulingFields,
    request: pb.BookAppointmentRequest
    | pb.BookSeriesRequest
    | pb.HoldSlotRequest
    | pb.JoinWaitlistRequest,
) -> BookingRequest:
    """What to book, hold or wait for; only appointments and series have notes and metadata."""
    calendar_ids = fields.uuids("calendar_ids", _calendar_ids(request), CALENDARS_MAX)
    service_id = fields.optional_uuid("service_id", request.service_id)
    if not calendar_ids and service_id is None:
        fields.refuse("calendar_id", "is required unless calendar_ids or service_id is given")
    notes, metadata = "", {}
    if isinstance(request, pb.BookAppointmentRequest | pb.BookSeriesRequest):
        notes = fields.text("notes", request.notes, NOTES_CHARACTERS_MAX)
        metadata = fields.json("metadata", request.metadata)
    return BookingRequest(
        contact_id=fields.uuid("contact_id", request.contact_id),
        calendar_ids=tuple(sorted(calendar_ids)),
        service_id=service_id,
        duration_minutes=parse_duration(fields, request.duration_minutes),
        notes=notes or None,
        metadata=metadata,
    )


def _calendar_ids(
    request: pb.BookAppointmentRequest
    | pb.BookSeriesRequest
    | pb.HoldSlotRequest
    | pb.JoinWaitlistRequest
    | pb.SearchAvailabilityRequest,
) -> list[str]:
    return [*([request.calendar_id] if request.calendar_id else []), *request.calendar_ids]


def parse_etag(fields: SchedulingFields, etag: str) -> int:
    """The version in an etag."""
    if not etag.isdecimal() or len(etag) > 9:
        fields.refuse("etag", "must be the etag that was read, for example 3")
        return 0
    return int(etag)


def parse_duration(fields: SchedulingFields, minutes: int) -> int:
    """A duration in minutes."""
    return fields.number("duration_minutes", minutes, 1, MINUTES_MAX)


def parse_time(
    fields: SchedulingFields,
    request: pb.BookAppointmentRequest | pb.HoldSlotRequest | pb.RescheduleAppointmentRequest,
) -> TimeRequest:
    """When it begins, by instant or by wall time."""
    if request.HasField("scheduled_at") == bool(request.local_time):
        fields.refuse("scheduled_at", "is required, or else local_time, but not both")
    if not request.local_time:
        return fields.timestamp("scheduled_at", request.scheduled_at)
    fold = request.fold if request.HasField("fold") else None
    return WallTime(
        local_time=fields.local_time("local_time", request.local_time),
        fold=None if fold is None else fields.number("fold", fold, 0, 1),
    )


def parse_status(fields: SchedulingFields, text: str, statuses: Collection[str]) -> str | None:
    """The status that a list is of; None: all."""
    return fields.one_of("status", text, statuses) if text else None


def parse_time_and_id(keys: tuple[str, ...]) -> tuple[datetime, UUID]:
    """Where the page before ended: the time and the id of its last row."""
    time, key = keys
    return datetime.fromisoformat(time), UUID(key)


def parse_range(
    fields: SchedulingFields, from_time: str, to_time: str
) -> tuple[datetime, datetime]:
    """Start and end, at most 90 days apart."""
    start, end = fields.instant("from_time", from_time), fields.instant("to_time", to_time)
    if not timedelta() < end - start <= timedelta(days=DAYS_MAX):
        fields.refuse("to_time", f"must be after the start, by {DAYS_MAX} days at most")
    return start, end


def parse_search(request: pb.SearchAvailabilityRequest) -> SlotSearch:
    """Which free slots to list. Raises INVALID_REQUEST."""
    fields = SchedulingFields()
    start, end = parse_range(fields, request.from_time, request.to_time)
    search = SlotSearch(
        calendar_ids=fields.uuids("calendar_ids", _calendar_ids(request), SEARCHED_CALENDARS_MAX),
        service_id=fields.optional_uuid("service_id", request.service_id),
        start=start,
        end=end,
        duration_minutes=parse_duration(fields, request.duration_minutes),
    )
    if bool(search.calendar_ids) == (search.service_id is not None):
        fields.refuse(
            "calendar_id", "is required, or calendar_ids, or else service_id, but not both"
        )
    fields.done()
    return search


def parse_settings(
    fields: SchedulingFields, request: pb.CreateCalendarRequest | pb.UpdateCalendarRequest
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
            fields.refuse("zone", "is not an IANA time zone, for example Europe/Berlin")
    for name, (least, most) in _NUMBERS.items():
        # The names are those of the request's own optional fields.
        if request.HasField(name):  # type: ignore[arg-type]
            settings[name] = fields.number(name, getattr(request, name), least, most)
    if request.HasField("slot_minutes"):
        settings["slot_minutes"] = request.slot_minutes
        if request.slot_minutes not in _SLOT_MINUTES:
            fields.refuse("slot_minutes", f"is not one of {', '.join(map(str, _SLOT_MINUTES))}")
    if request.HasField("holiday_set"):
        settings["holiday_set"] = fields.text("holiday_set", request.holiday_set, 100)
    return settings


def with_defaults(fields: SchedulingFields, settings: dict[str, Any]) -> dict[str, Any]:
    """The columns of a new calendar, whose name is required."""
    if "name" not in settings:
        fields.refuse("name", "is required")
    return {**_DEFAULTS, **settings}


def parse_hours(
    fields: SchedulingFields, request: pb.CreateCalendarRequest | pb.UpdateCalendarRequest
) -> list[OpenHours] | None:
    """The weekly hours, or None where the request has none."""
    if not request.HasField("weekly_hours"):
        return None
    hours = {}
    for index, each in enumerate(request.weekly_hours.hours):
        field = f"weekly_hours.hours[{index}]"
        parse_minutes(fields, f"{field}.", each.start_minute, each.end_minute)
        hours[each.weekday, each.start_minute] = OpenHours(
            weekday=fields.number(f"{field}.weekday", each.weekday, 1, 7),
            start_minute=each.start_minute,
            end_minute=each.end_minute,
        )
    return list(hours.values())


def parse_minutes(fields: SchedulingFields, prefix: str, start: int, end: int) -> None:
    """Refuses minutes of a day that are out of bounds or in the wrong order."""
    refused = len(fields.violations)
    fields.number(f"{prefix}start_minute", start, 0, MINUTES_MAX - 1)
    fields.number(f"{prefix}end_minute", end, 1, 2 * MINUTES_MAX)
    if start >= end and refused == len(fields.violations):
        fields.refuse(f"{prefix}end_minute", "must be after start_minute")
