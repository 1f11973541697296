"""When a session that met an error goes on."""

from typing import Final

# An outage of Meta's is over within hours; what lasts longer needs a person.
DELAYS_SECONDS: Final = (2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 7200.0, 7200.0)
# What is answered for one conversation alone is no outage.
MESSAGES_FAILURES_MAX: Final = 3


def retry_seconds(failures: int, failures_max: int | None = None) -> float | None:
    """Seconds until the next try after so many failures in a row, or None: it is given up."""
    if failures > (failures_max or len(DELAYS_SECONDS)):
        return None
    return DELAYS_SECONDS[failures - 1]
