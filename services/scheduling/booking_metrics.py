"""How often another call had a booking's locks, counted apart from how often its slot was taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter

from services.chassis.errors import DomainError

BOOKINGS: Final = Counter(
    "waybill_scheduling_bookings_total",
    "Bookings by what became of them and whether another call had the locks of their time",
    ["outcome", "lock_rejected"],
)


@dataclass(slots=True)
class Counted:
    """A booking under way."""

    lock_rejected: bool = False


@contextmanager
def counted_locks() -> Iterator[Counted]:
    """Counts a booking that was made, or refused by what its refusal says of the locks."""
    counted = Counted()
    try:
        yield counted
    except DomainError as refused:
        BOOKINGS.labels(
            refused.reason.lower(), refused.metadata.get("lock_rejected", "unknown")
        ).inc()
        raise
    BOOKINGS.labels("booked", str(counted.lock_rejected).lower()).inc()
