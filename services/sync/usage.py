"""How much of Meta's limits is used up, from an answer's headers.

`X-App-Usage` is the app's, `X-Business-Use-Case-Usage` and the older `X-Page-Usage` are the page's.
Values are percentages, times to regain access are minutes. Meta repeats keys in one object, so
pairs are read, and the greatest of all entries of all keys counts; malformed headers are ignored.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.sync.graph_errors import GraphError

_PERCENTAGES: Final = ("call_count", "total_time", "total_cputime")
_REGAIN: Final = "estimated_time_to_regain_access"
_PAGE_HEADERS: Final = ("x-business-use-case-usage", "x-page-usage")
_APP_HEADER: Final = "x-app-usage"
_PERCENT_MAX: Final = 1000
_REGAIN_MINUTES_MAX: Final = 24 * 60
# Where Meta names no time: long enough for a rolling hour's percentage to fall.
_BLOCK_SECONDS_MIN: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Percentages used, None where the headers have none; seconds until access comes back."""

    page_percent: int | None = None
    app_percent: int | None = None
    regain_seconds: float = 0


def usage_of(headers: Mapping[str, str]) -> Usage:
    """Usage as the headers (names in lower case) give it."""
    page = [pair for name in _PAGE_HEADERS for pair in _numbers(headers.get(name))]
    app = list(_numbers(headers.get(_APP_HEADER)))
    minutes = max((value for name, value in page if name == _REGAIN), default=0)
    return Usage(
        page_percent=_percent(page),
        app_percent=_percent(app),
        regain_seconds=60 * min(minutes, _REGAIN_MINUTES_MAX),
    )


def block_seconds(
    usage: Usage, error: GraphError | None, *, stop_percent: int, knows_app: bool
) -> tuple[float, float]:
    """For how many seconds calls are blocked, for the page and for its app; 0: not at all."""
    seconds = max(usage.regain_seconds, error.seconds if error else 0, _BLOCK_SECONDS_MIN)
    action = error.action if error else None
    blocks_app = (usage.app_percent or 0) >= stop_percent or action == "pause_app"
    # An app that is not known has no budget: its limit blocks the page at least.
    blocks_page = (
        (usage.page_percent or 0) >= stop_percent
        or action == "pause_page"
        or (blocks_app and not knows_app)
    )
    return (seconds if blocks_page else 0, seconds if blocks_app else 0)


def _percent(pairs: list[tuple[str, float]]) -> int | None:
    found = [value for name, value in pairs if name in _PERCENTAGES]
    return min(math.ceil(max(found)), _PERCENT_MAX) if found else None


def _numbers(text: str | None) -> Iterator[tuple[str, float]]:
    try:
        yield from _walk(json.loads(text or "null", object_pairs_hook=_Pairs))
    except (ValueError, RecursionError):
        return


class _Pairs(list[tuple[str, Any]]):
    """An object's members, repeated keys included."""


def _walk(value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, _Pairs):
        for name, inner in value:
            if isinstance(inner, int | float) and not isinstance(inner, bool):
                if math.isfinite(inner) and inner >= 0:
                    yield name, float(inner)
            else:
                yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)
