"""Busy times of an external calendar: its events within a window, recurring ones expanded."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar as Body

BUSY_TIMES_MAX: Final = 20_000
TIMES_AN_HOUR_MAX: Final = 4
_FREE_STATUSES: Final = ("CANCELLED",)
_TOO_FINE: Final = ("SECONDLY", "MINUTELY")

Busy = tuple[datetime, datetime]


class CalendarUnreadable(ValueError):
    """The content is not an iCalendar file or exceeds a bound; the text quotes none of it."""


def busy_times(content: bytes, zone: str, start: datetime, end: datetime) -> list[Busy]:
    """When its owner is busy between start and end, merged and sorted, in UTC.

    Times without a zone and whole days are read in `zone`. Cancelled and transparent events do not
    count. Raises CalendarUnreadable. The content decides how long it takes: call it where it can be
    stopped.
    """
    try:
        body = Body.from_ical(content)
        if any(_is_too_dense(rule) for event in body.walk("VEVENT") for rule in _rules(event)):
            raise CalendarUnreadable("an event repeats too often")
        found = sorted(_times(_events(body, start, end), ZoneInfo(zone), start, end))
    except (CalendarUnreadable, MemoryError):
        raise
    except Exception as error:
        # Both libraries raise errors of many types for a malformed file.
        raise CalendarUnreadable(f"it is not an iCalendar file ({type(error).__name__})") from None
    return list(_merged(found))


def _rules(event: Any) -> list[Any]:
    rules = event.get("RRULE", [])
    return rules if isinstance(rules, list) else [rules]


def _is_too_dense(rule: Any) -> bool:
    times_an_hour = len(rule.get("BYMINUTE", "1")) * len(rule.get("BYSECOND", "1"))
    return (
        any(str(each).upper() in _TOO_FINE for each in rule.get("FREQ", ()))
        or any(int(each) < 1 for each in rule.get("INTERVAL", ()))
        or times_an_hour > TIMES_AN_HOUR_MAX
    )


def _events(body: Any, start: datetime, end: datetime) -> Iterator[Any]:
    """Events within the window, series by series, so that too many stop the expansion early."""
    query = recurring_ical_events.of(body, skip_bad_series=True)
    count = 0
    for series in query.series:
        # A malformed series does not affect the others.
        with suppress(*query.suppressed_errors):
            for occurrence in series.between(start, end):
                count += 1
                if count > BUSY_TIMES_MAX:
                    raise CalendarUnreadable(f"it has more than {BUSY_TIMES_MAX} events")
                yield occurrence.as_component(keep_recurrence_attributes=False)


def _times(events: Iterable[Any], zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Busy]:
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
