"""What an attempt's answer means (webhook delivery rules, section 2 of Waybill's design notes).

| answer                                | outcome    | then                                      |
| ------------------------------------- | ---------- | ----------------------------------------- |
| 2xx                                   | accepted   | delivered; nothing else is                |
| 3xx                                   | redirected | never followed; tried again on schedule   |
| 409, 422                              | returned   | the buyer refuses this lead               |
| 410                                   | gone       | the endpoint is disabled, what waits parks|
| 429, 502, 503, 504                    | throttled  | the endpoint waits, not only this message |
| 408, 425, other 5xx, connection fault | retry      | on schedule                               |
| other 4xx                             | rejected   | for good, for this payload                |
| none, though the request may be there | unknown    | never guessed; tried again on schedule    |
"""

from typing import Final, Literal

Outcome = Literal[
    "accepted", "retry", "throttled", "rejected", "returned", "redirected", "gone", "unknown"
]
ACCEPTED: Final = "accepted"
RETRY: Final = "retry"
THROTTLED: Final = "throttled"
REJECTED: Final = "rejected"
RETURNED: Final = "returned"
REDIRECTED: Final = "redirected"
GONE: Final = "gone"
UNKNOWN: Final = "unknown"

AGAIN: Final[frozenset[Outcome]] = frozenset({RETRY, THROTTLED, REDIRECTED, UNKNOWN})
FINAL: Final[frozenset[Outcome]] = frozenset({REJECTED, RETURNED})

_BY_STATUS: Final[dict[int, Outcome]] = {
    408: RETRY,
    409: RETURNED,
    410: GONE,
    422: RETURNED,
    425: RETRY,
    429: THROTTLED,
    502: THROTTLED,
    503: THROTTLED,
    504: THROTTLED,
}
_BY_CLASS: Final[dict[int, Outcome]] = {2: ACCEPTED, 3: REDIRECTED, 4: REJECTED}


def outcome_of_status(status: int) -> Outcome:
    """What an HTTP status means; one that HTTP does not know is a fault of the peer: retry."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return _BY_CLASS.get(status // 100, RETRY)


def outcome_of_fault(*, reached: bool) -> Outcome:
    """What it means that no answer came; `reached` says whether the request may have arrived."""
    return UNKNOWN if reached else RETRY
