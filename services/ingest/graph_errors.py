"""What an error of the Graph API means for the fetching of a lead.

Codes and meanings: Meta's Graph API error documentation; unknown codes are retried a bounded number
of times and then dead-lettered.
"""

import json
from typing import Any, Final

from services.ingest.records.webhooks import ReadFault

_MINUTE: Final = 60.0
# Meta's limits count over at most a day; a longer wait means that the header was misread.
_WAIT_SECONDS_MAX: Final = 24 * 60 * _MINUTE
# Limits of the app, the user, the page, and of Lead Ads for the page.
_LIMITS: Final = {4, 17, 32, 341, 613, 80001, 80002, 80005, 80006, 80008}
_TOKEN: Final = {102, 190}
_PERMISSION: Final = {3, 10, *range(200, 300)}
_INVALID: Final = 100
# "Object missing or no permission": right after a webhook that is a fault of the connection.
_MISSING_OR_FORBIDDEN: Final = 33


def fault_of(status: int, body: bytes, business_usage: str | None = None) -> ReadFault:
    """What a response other than 200 means."""
    error = _error(body)
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    if code in _LIMITS or status == 429:
        return ReadFault(
            reason=f"graph limit {code}", wait_seconds=max(_MINUTE, regain_seconds(business_usage))
        )
    if code in _TOKEN:
        return ReadFault(reason=f"graph token refused ({code}/{subcode})")
    if code in _PERMISSION:
        return ReadFault(reason=f"graph permission missing ({code})")
    if code == _INVALID and subcode != _MISSING_OR_FORBIDDEN and not error.get("is_transient"):
        return ReadFault(reason=f"graph refuses the request ({code}/{subcode})", permanent=True)
    return ReadFault(reason=f"graph answered {status} ({code}/{subcode})")


def regain_seconds(business_usage: str | None) -> float:
    """The longest wait that `X-Business-Use-Case-Usage` names, over all entries of all keys.

    Meta repeats keys in one object, so pairs are read and not a dict; minutes become seconds, a day
    at most.
    """
    try:
        keys = json.loads(business_usage or "[]", object_pairs_hook=list)
    except (ValueError, RecursionError):
        return 0
    entries = [entry for _, each in _pairs(keys) if isinstance(each, list) for entry in each]
    seconds = _MINUTE * max((_minutes(entry) for entry in entries), default=0)
    return min(seconds, _WAIT_SECONDS_MAX)


def _minutes(entry: Any) -> float:
    named = [value for name, value in _pairs(entry) if name == "estimated_time_to_regain_access"]
    # NaN is not above zero either.
    return max(
        (value for value in named if isinstance(value, int | float) and value > 0), default=0
    )


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, list):
        return []
    return [pair for pair in value if isinstance(pair, tuple) and len(pair) == 2]


def _error(body: bytes) -> dict[str, Any]:
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = response.get("error") if isinstance(response, dict) else None
    return error if isinstance(error, dict) else {}


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
