"""Busy times of an external calendar: its events within a window, recurring ones expanded."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar as Body

BUSY_TIMES_MAX: Final = 20_000
_FREE_STATUSES: Final = ("CANCELLED",)

Busy = tuple[datetime, datetime]


class CalendarUnreadable(ValueError):
    """What was fetched is no iCalendar, or more than is taken over; the text quotes none of it."""


def busy_times(content: bytes, zone: str, start: datetime, end: datetime) -> list[Busy]:
    """When its owner is busy between start and end, merged and sorted, in UTC.

    Times without a zone, and whole days, are read by the zone given. Cancelled and transparent
    events take no time. Raises CalendarUnreadable.
    """
    try:
        body = Body.from_ical(content)
        events = recurring_ical_events.of(body, skip_bad_series=True).between(start, end)
        found = sorted(_times(events, ZoneInfo(zone), start, end))
    except CalendarUnreadable:
        raise
    except Exception as error:
        # Both libraries raise whatever a stranger's file leads them to.
        raise CalendarUnreadable(f"it is no iCalendar ({type(error).__name__})") from None
    return list(_merged(found))


def _times(events: list[Any], zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Busy]:
    if len(events) > BUSY_TIMES_MAX:
        raise CalendarUnreadable(f"it has more than {BUSY_TIMES_MAX} events")
    for event in events:
        if str(event.get("TRANSP", "OPAQUE")).upper() == "TRANSPARENT":
            continue
        if str(event.get("STATUS", "")).upper() in _FREE_STATUSES:
            continue
        begins, ends = _moment(event.start, zone), _moment(event.end, zone)
        if max(begins, start) < min(ends, end):
            yield max(begins, start), min(ends, end)


def _moment(value: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), zone)
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    return value.astimezone(UTC)


def _merged(busy: list[Busy]) -> Iterator[Busy]:
    """Overlapping and touching times as one."""
    last: Busy | None = None
    for begins, ends in busy:
        if last is not None and begins <= last[1]:
            last = (last[0], max(last[1], ends))
            continue
        if last is not None:
            yield last
        last = (begins, ends)
    if last is not None:
        yield last
