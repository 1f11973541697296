"""Recurrence: an RRULE of RFC 5545 expanded in local time, so that 09:00 stays 09:00."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from dateutil.rrule import rrulestr

OCCURRENCES_MAX: Final = 366
YEARS_MAX: Final = 10
_RULE: Final = re.compile(r"(?:RRULE:)?([A-Z0-9=;,+\-]{1,500})")
# Finer than a day there is no appointment that people keep.
_TOO_FINE: Final = re.compile(r"FREQ=(SECONDLY|MINUTELY|HOURLY)")
_UNTIL_UTC: Final = re.compile(r"(UNTIL=\d{8}T\d{6})Z")


class RecurrenceRefused(ValueError):
    """The rule does not parse, never happens or happens too often; the text says so."""


def expand(rule: str, local_start: datetime) -> list[datetime]:
    """The wall times of a rule from `local_start` on, which counts as DTSTART; without an offset.

    Raises RecurrenceRefused, also for a rule without an end within 366 times or ten years.
    """
    last = local_start + timedelta(days=366 * YEARS_MAX)
    found = list(islice(_occurrences(rule, local_start), OCCURRENCES_MAX + 1))
    if not found:
        raise RecurrenceRefused("the rule never happens")
    if len(found) > OCCURRENCES_MAX:
        raise RecurrenceRefused(f"the rule happens more than {OCCURRENCES_MAX} times")
    if found[-1] > last:
        raise RecurrenceRefused(f"the rule goes on for more than {YEARS_MAX} years")
    return found


def _occurrences(rule: str, local_start: datetime) -> Iterator[datetime]:
    match = _RULE.fullmatch(rule.strip().upper())
    if match is None:
        raise RecurrenceRefused("the rule is not one RRULE of RFC 5545")
    if _TOO_FINE.search(match[1]):
        raise RecurrenceRefused("the rule happens more often than daily")
    try:
        # An UNTIL in UTC is read by the calendar's clock, as the times are.
        yield from rrulestr(_UNTIL_UTC.sub(r"\1", match[1]), dtstart=local_start)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise RecurrenceRefused("the rule does not parse") from error
