"""Refusals that only scheduling makes."""

from services.chassis.errors import DomainError
from services.chassis.outbound.client import UrlRefused
from services.scheduling.recurrence import RecurrenceRefused
from services.scheduling.wall_times import GAP, WallTimeRefused


def wall_time_refused(refused: WallTimeRefused, zone: str) -> DomainError:
    """Clocks skip the wall time or show it twice."""
    text = (
        "Clocks in the calendar's zone skip this time. Choose another one."
        if refused.cause == GAP
        else "Clocks in the calendar's zone show this time twice. Send fold: 0 for the first, 1 for"
        " the second."
    )
    return DomainError("WALL_TIME_REFUSED", text, metadata={"zone": zone, "cause": refused.cause})


def recurrence_refused(refused: RecurrenceRefused) -> DomainError:
    """The rule cannot be booked."""
    return DomainError(
        "RECURRENCE_REFUSED",
        f"The recurrence cannot be booked: {refused}.",
        metadata={"problem": str(refused)},
    )


def url_refused(refused: UrlRefused) -> DomainError:
    """Outbound calls may not go to the URL."""
    return DomainError("URL_REFUSED", str(refused), metadata={"cause": str(refused.reason)})
