"""When a token is good, from its claims `exp`, `iat` and `nbf` (RFC 7519: seconds since 1970)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# The clock of who issues a token may be ahead of ours. How long a token lives is not stretched.
LEEWAY_SECONDS: Final = 30.0
# No date is near it: beyond are infinity, NaN, and integers that no float can hold.
_SECONDS_MAX: Final = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """The longest that a token may live, from its issue (or from now, where it does not say)."""

    tenant_seconds_max: float
    service_seconds_max: float


USUAL_LIFETIMES: Final = Lifetimes(tenant_seconds_max=24 * 3600, service_seconds_max=31 * 24 * 3600)


def time_problem(claims: Mapping[str, Any], now: float, lifetime_seconds_max: float) -> str | None:
    """Why the token is not good now; None where it is. `exp` must be there."""
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    for name, value in times.items():
        if not _is_finite_number(value):
            return f"its {name} is not a number of seconds"
    expires, issued = times["exp"], times.get("iat", now)
    if expires <= now:
        return "it has expired"
    if max(issued, times.get("nbf", now)) > now + LEEWAY_SECONDS:
        return "it is not good yet"
    if expires - issued > lifetime_seconds_max:
        return f"it lives longer than {lifetime_seconds_max / 3600:g} hours"
    return None


def _is_finite_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and -_SECONDS_MAX < value < _SECONDS_MAX  # type: ignore[operator]
