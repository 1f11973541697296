"""When a webhook item is tried again."""

from typing import Final

_MINUTE: Final = 60.0
_HOUR: Final = 60 * _MINUTE
# A lead can be fetched for about 90 days; a fault of the connection (a revoked token, a missing
# permission) takes people days to repair. So: quick at first, then daily for a week.
DELAYS_SECONDS: Final = (
    2.0, 10.0, _MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 8 * _HOUR,
    *(24 * _HOUR for _ in range(7)),
)  # fmt: skip


def retry_delay_seconds(attempts: int, wait_seconds_min: float = 0) -> float | None:
    """Seconds until the next attempt after so many, or None after the last one.

    A limit that the provider named (`wait_seconds_min`) only lengthens the wait.
    """
    if attempts > len(DELAYS_SECONDS):
        return None
    return max(DELAYS_SECONDS[attempts - 1], wait_seconds_min)
