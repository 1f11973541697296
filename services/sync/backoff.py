"""When a session that met an error continues."""

from typing import Final

# An outage of Meta is over within hours; what lasts longer needs a person.
DELAYS_SECONDS: Final = (2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 7200.0, 7200.0)
# An error about one conversation only is not an outage.
MESSAGES_FAILURES_MAX: Final = 3


def next_run_seconds(failures: int, failures_max: int | None = None) -> float | None:
    """Seconds until the next run after so many failures in a row, or None: give up."""
    if failures > (failures_max or len(DELAYS_SECONDS)):
        return None
    return DELAYS_SECONDS[failures - 1]
