"""The `Retry-After` header (RFC 9110, 10.2.3): seconds as an integer, or an HTTP date."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

SECONDS_MAX: Final = 86_400

_SECONDS: Final = re.compile(r"[0-9]{1,100}", re.ASCII)
# Full-length dates of RFC 9110, 5.6.7: IMF-fixdate, RFC 850 and asctime.
_TIME: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
# The parser would read years below 1000 as two-digit ones.
_YEAR: Final = r"[1-9][0-9]{3}"
_DATE: Final = re.compile(
    rf"[A-Z][a-z]{{2}}, [0-9]{{2}} [A-Z][a-z]{{2}} {_YEAR} {_TIME} GMT"
    rf"|[A-Z][a-z]{{5,8}}, [0-9]{{2}}-[A-Z][a-z]{{2}}-[0-9]{{2}} {_TIME} GMT"
    rf"|[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] {_TIME} {_YEAR}",
    re.ASCII,
)


def parse_retry_after(
    value: str | None, now: datetime, *, seconds_max: int = SECONDS_MAX
) -> int | None:
    """How many seconds the peer asks us to wait, 0 to `seconds_max`; None when it says nothing.

    A date in the past is 0. Anything that is neither an integer nor a date (`inf`, `1e30`, `-5`,
    `NaN`, `1.5`) says nothing: it is ignored, never an error.
    """
    text = (value or "").strip(" \t")
    if _SECONDS.fullmatch(text):
        return min(int(text), seconds_max)
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = parsedate_to_datetime(text)
        # The asctime form carries no zone; an HTTP date is always UTC.
        seconds = (moment.replace(tzinfo=UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(math.ceil(seconds), 0), seconds_max)
