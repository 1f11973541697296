"""What many durations come to: percentiles and rates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed.

    The nearest rank: always a value that was measured. Infinite values (never answered) count.
    NaN where there are no values.
    """
    if not 0 <= share <= 1:
        raise ValueError("a share is between 0 and 1")
    if not values:
        return math.nan
    ordered = sorted(values)
    rank = max(math.ceil(share * len(ordered)), 1)
    return ordered[rank - 1]


def per_second(count: int, seconds: float) -> float:
    """A rate; 0 where no time has passed."""
    return count / seconds if seconds > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """How durations are spread, in milliseconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of_seconds(cls, seconds: Sequence[float]) -> Self:
        """Of durations in seconds."""
        return cls(
            p50=percentile(seconds, 0.50) * 1000,
            p95=percentile(seconds, 0.95) * 1000,
            p99=percentile(seconds, 0.99) * 1000,
        )
