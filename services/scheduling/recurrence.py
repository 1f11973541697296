"""Recurrence: an RRULE of RFC 5545 expanded in local time, so that 09:00 stays 09:00."""

import re
from calendar import isleap
from collections.abc import Iterable, Iterator, Mapping
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

OCCURRENCES_MAX: Final = 366
YEARS_MAX: Final = 10
_SPAN: Final = timedelta(days=366 * YEARS_MAX)
_PART: Final = r"[A-Z]+=[A-Z0-9,+\-]+"
_RULE: Final = re.compile(rf"(?:RRULE:)?({_PART}(?:;{_PART})*)")
_CHARACTERS_MAX: Final = 500
# Appointments do not repeat more often than daily.
_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS: Final = (
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYWEEKNO", "BYYEARDAY"),
    *("BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSETPOS"),
)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")
_UNTIL: Final = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")


class RecurrenceRefused(ValueError):
    """The rule does not parse, never happens or happens too often; the text says which."""


def expand(rule: str, local_start: datetime, zone: str) -> list[datetime]:
    """The wall times, without an offset, of a rule from `local_start` on, which is its DTSTART.

    Raises RecurrenceRefused, also for a rule without an end within 366 times or ten years. Bounded
    in time, but not short enough for an event loop: a rule that never happens takes 0.4 s.
    """
    parts = _parse_parts(rule)
    count, until = parts.get("COUNT"), _until(parts, local_start, zone)
    if count is None and until is None:
        raise RecurrenceRefused("the rule has no end")
    if count is not None and int(count) > OCCURRENCES_MAX:
        raise RecurrenceRefused(f"the rule happens more than {OCCURRENCES_MAX} times")
    if until is not None and until - _instant(local_start, zone) > _SPAN:
        raise RecurrenceRefused(f"the rule goes on for more than {YEARS_MAX} years")
    times = _occurrences(parts, local_start)
    if until is not None:
        times = _take_until(times, until, zone)
    found = list(islice(times, OCCURRENCES_MAX + 1))
    if not found:
        raise RecurrenceRefused("the rule never happens")
    if len(found) > OCCURRENCES_MAX:
        raise RecurrenceRefused(f"the rule happens more than {OCCURRENCES_MAX} times")
    if count is not None and len(found) < int(count):
        raise RecurrenceRefused(f"the rule goes on for more than {YEARS_MAX} years")
    return found


def _parse_parts(rule: str) -> dict[str, str]:
    match = _RULE.fullmatch(rule.strip().upper()) if len(rule) <= _CHARACTERS_MAX else None
    if match is None:
        raise RecurrenceRefused("the rule is not one RRULE of RFC 5545")
    pairs = [part.split("=") for part in match[1].split(";")]
    parts = dict(pairs)
    if len(parts) < len(pairs) or not parts.keys() <= set(_PARTS):
        raise RecurrenceRefused("the rule has a part twice, or one that is not known")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise RecurrenceRefused("the rule is not daily, weekly, monthly or yearly")
    if "COUNT" in parts and "UNTIL" in parts:
        raise RecurrenceRefused("the rule has both COUNT and UNTIL")
    for name in ("COUNT", "INTERVAL"):
        if name in parts and not _NUMBER.fullmatch(parts[name]):
            raise RecurrenceRefused(f"the rule's {name} is not from 1 to 9999")
    return parts


def _until(parts: Mapping[str, str], local_start: datetime, zone: str) -> datetime | None:
    """The last instant that UNTIL admits; without Z a local time, and a date is a whole day."""
    text = parts.get("UNTIL")
    if text is None:
        return None
    if not _UNTIL.fullmatch(text):
        raise RecurrenceRefused(
            "the rule's UNTIL is not a date or time, for example 20271231T235959Z"
        )
    try:
        moment = datetime.fromisoformat(text if "T" in text else f"{text}T235959")
        return moment.astimezone(UTC) if moment.tzinfo else _instant(moment, zone, fold=1)
    except (ValueError, OverflowError) as error:
        raise RecurrenceRefused(
            "the rule's UNTIL is not a date or time, for example 20271231T235959Z"
        ) from error


def _instant(local_time: datetime, zone: str, fold: int = 0) -> datetime:
    return local_time.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def _take_until(times: Iterator[datetime], until: datetime, zone: str) -> Iterator[datetime]:
    for at in times:
        if _instant(at, zone) > until:
            return
        yield at


def _occurrences(parts: Mapping[str, str], local_start: datetime) -> Iterator[datetime]:
    """Occurrences within ten years, UNTIL aside.

    The library searches for the next occurrence up to the last year that it knows, which takes
    seconds for a rule that never happens. So it gets years shortly before that, with the same days.
    """
    ahead = _last_similar_year(local_start.year) - local_start.year
    start = local_start.replace(year=local_start.year + ahead)
    text = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    try:
        rule = rrulestr(text, dtstart=start)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise RecurrenceRefused("the rule does not parse") from error
    for at in _until_last_year(rule):
        if at - start > _SPAN:
            return
        yield at.replace(year=at.year - ahead)


def _until_last_year(rule: Iterable[datetime]) -> Iterator[datetime]:
    try:
        yield from rule
    except (ValueError, OverflowError):
        # A week of the last year reaches into a year that datetime does not have.
        return


def _last_similar_year(year: int) -> int:
    """The last year whose next ten years, and their neighbours, have the same days as `year`'s.

    The calendar repeats every 400 years; mostly such a year is within the last forty.
    """
    around = range(-1, YEARS_MAX + 2)
    return next(
        other
        for other in range(MAXYEAR - YEARS_MAX - 1, year - 1, -1)
        if all(_days_of(other + n) == _days_of(year + n) for n in around)
    )


def _days_of(year: int) -> tuple[int, bool]:
    return date(year, 1, 1).weekday(), isleap(year)
