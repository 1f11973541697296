"""When a session that met an error goes on."""

from typing import Final

# An outage of Meta's is over within hours; what lasts longer needs a person.
DELAYS_SECONDS: Final = (2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 7200.0, 7200.0)


def retry_seconds(failures: int) -> float | None:
    """Seconds until the next try after so many failures in a row, or None: it is given up."""
    return None if failures > len(DELAYS_SECONDS) else DELAYS_SECONDS[failures - 1]
