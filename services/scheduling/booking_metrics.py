"""A metric of bookings: their outcomes, and whether another call had the locks of their time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter

from services.chassis.errors import DomainError

BOOKINGS: Final = Counter(
    "waybill_scheduling_bookings_total",
    "Bookings by outcome and by whether another call had the locks of their time",
    ["outcome", "lock_rejected"],
)


@dataclass(slots=True)
class BookingCount:
    """What the metric needs to know of a booking."""

    lock_rejected: bool = False


@contextmanager
def counted_booking() -> Iterator[BookingCount]:
    """Counts a booking that is made, or refused with what the refusal says of the locks."""
    count = BookingCount()
    try:
        yield count
    except DomainError as refused:
        BOOKINGS.labels(
            refused.reason.lower(), refused.metadata.get("lock_rejected", "unknown")
        ).inc()
        raise
    BOOKINGS.labels("booked", str(count.lock_rejected).lower()).inc()
