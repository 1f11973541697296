"""Wall times: what a clock in a zone shows, as an instant.

A wall time that the zone's clocks skip cannot be booked; one that they show twice needs a fold to
choose (PEP 495). Zone data are the machine's, or those of the tzdata package.
"""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

GAP: Final = "gap"
AMBIGUOUS: Final = "ambiguous"


class WallTimeRefused(ValueError):
    """The wall time is not one instant; `cause` is GAP or AMBIGUOUS."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def instant(local_time: datetime, zone: str, fold: int | None = None) -> datetime:
    """The instant, in UTC, at which clocks in the zone show a wall time (without an offset).

    `fold` chooses between two instants (0 the first, 1 the second) and is ignored where there is
    one.
    Raises WallTimeRefused.
    """
    first, second = (_instant(local_time, zone, choice) for choice in (0, 1))
    if not _shows(first, zone, local_time):
        raise WallTimeRefused(GAP)
    if first == second:
        return first
    if fold is None:
        raise WallTimeRefused(AMBIGUOUS)
    return second if fold else first


def wall_time(moment: datetime, zone: str) -> datetime:
    """What clocks in the zone show at an instant."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def is_zone(name: str) -> bool:
    """Whether the name is an IANA time zone."""
    return name in available_timezones()


def _instant(local_time: datetime, zone: str, fold: int) -> datetime:
    return local_time.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def _shows(moment: datetime, zone: str, local_time: datetime) -> bool:
    return wall_time(moment, zone) == local_time.replace(fold=0)
