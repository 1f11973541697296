"""What an error of the Graph API means for a sync, as data.

Source: Meta's Graph API documentation of errors and rate limits, state mid-2026. The first row that
matches decides; a code without a row is retried a bounded number of times.
"""

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

Action = Literal[
    "retry", "reduce", "pause_page", "pause_app", "reauth", "forbidden", "cursor", "fail"
]
_MINUTE: Final = 60.0
_HOUR: Final = 60 * _MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphErrorRule:
    """Codes, perhaps narrowed by subcode, text or whether a cursor was sent, and what to do.

    `seconds`: how long calls stop at least, for a page or the whole app.
    """

    codes: frozenset[int]
    action: Action
    seconds: float = 0
    text: str = ""
    with_cursor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphError:
    """An error with what to do about it; `reason` holds only codes."""

    action: Action
    reason: str
    seconds: float = 0


RULES: Final = (
    GraphErrorRule(codes=frozenset({1, 2}), text="reduce the amount of data", action="reduce"),
    GraphErrorRule(codes=frozenset({1, 2}), action="retry"),
    GraphErrorRule(codes=frozenset({4, 341}), action="pause_app", seconds=10 * _MINUTE),
    GraphErrorRule(codes=frozenset({17, 32}), action="pause_page", seconds=10 * _MINUTE),
    GraphErrorRule(codes=frozenset({613}), action="pause_page", seconds=_MINUTE),
    GraphErrorRule(
        codes=frozenset({80001, 80002, 80005, 80006, 80008}),
        action="pause_page",
        seconds=5 * _MINUTE,
    ),
    GraphErrorRule(codes=frozenset({368}), action="pause_page", seconds=24 * _HOUR),
    GraphErrorRule(codes=frozenset({102, 104, 190}), action="reauth"),
    GraphErrorRule(codes=frozenset({3, 10, *range(200, 300)}), action="forbidden"),
    GraphErrorRule(codes=frozenset({100}), with_cursor=True, text="cursor", action="cursor"),
    GraphErrorRule(codes=frozenset({100}), action="fail"),
)


def error_of(status: int, body: bytes, *, sent_cursor: bool) -> GraphError:
    """What a response other than 2xx means."""
    error = _error(body)
    code, subcode = error.get("code"), error.get("error_subcode")
    reason = f"graph {status} ({code}/{subcode})" if error else f"graph {status}"
    if status == 429 and code is None:
        return GraphError(action="pause_page", reason=reason, seconds=5 * _MINUTE)
    message = str(error.get("message", "")).lower()
    for rule in RULES:
        if code in rule.codes and rule.text in message and (sent_cursor or not rule.with_cursor):
            transient = rule.action == "fail" and error.get("is_transient") is True
            action: Action = "retry" if transient else rule.action
            return GraphError(action=action, reason=reason, seconds=rule.seconds)
    return GraphError(action="retry", reason=reason)


def _error(body: bytes) -> dict[str, Any]:
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = response.get("error") if isinstance(response, dict) else None
    return error if isinstance(error, dict) else {}
