"""When a delivery is tried again."""

from dataclasses import dataclass
from typing import Final

# 5 s, 30 s, 2 min, 10 min, 1 h, 3 h, 8 h: half a day in all, then dead letter.
SCHEDULE_SECONDS: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, 10_800.0, 28_800.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffPolicy:
    """Seconds before each retry; jitter adds at most `jitter_share` of them, never takes away."""

    schedule_seconds: tuple[float, ...] = SCHEDULE_SECONDS
    jitter_share: float = 0.2
    retry_after_seconds_max: float = 3600.0
    throttle_seconds_min: float = 5.0

    @property
    def attempts_max(self) -> int:
        """The first attempt and one for each delay."""
        return len(self.schedule_seconds) + 1


def delay_seconds(
    policy: BackoffPolicy, *, attempt: int, retry_after_seconds: float | None, jitter: float
) -> float | None:
    """Seconds until the attempt after number `attempt`, or None when that was the last.

    The peer's `Retry-After` is honoured up to the policy's bound and never shortens the schedule.
    `jitter` is a random number from 0 to 1.
    """
    if attempt >= policy.attempts_max:
        return None
    scheduled = policy.schedule_seconds[max(attempt, 1) - 1]
    asked = min(retry_after_seconds or 0.0, policy.retry_after_seconds_max)
    return max(scheduled, asked) + scheduled * policy.jitter_share * jitter


def throttle_seconds(policy: BackoffPolicy, retry_after_seconds: float | None) -> float:
    """How long nothing is sent to an endpoint that asked for less."""
    asked = min(retry_after_seconds or 0.0, policy.retry_after_seconds_max)
    return max(asked, policy.throttle_seconds_min)
