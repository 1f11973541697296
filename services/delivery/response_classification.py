"""What an attempt's HTTP response means (webhook delivery rules, section 2 of the design notes).

| response                              | outcome    | then                                      |
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

from typing import Final

from services.delivery.records import AttemptOutcome

ACCEPTED: Final = "accepted"
RETRY: Final = "retry"
THROTTLED: Final = "throttled"
REJECTED: Final = "rejected"
RETURNED: Final = "returned"
REDIRECTED: Final = "redirected"
GONE: Final = "gone"
UNKNOWN: Final = "unknown"

RETRIABLE: Final[frozenset[AttemptOutcome]] = frozenset({RETRY, THROTTLED, REDIRECTED, UNKNOWN})

_BY_STATUS: Final[dict[int, AttemptOutcome]] = {
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
_BY_CLASS: Final[dict[int, AttemptOutcome]] = {2: ACCEPTED, 3: REDIRECTED, 4: REJECTED}


def classify_status(status: int) -> AttemptOutcome:
    """What an HTTP status means; one that HTTP does not know is a fault of the peer: retry."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return _BY_CLASS.get(status // 100, RETRY)


def classify_fault(*, reached: bool) -> AttemptOutcome:
    """What a missing response means; `reached` says whether the request may have arrived."""
    return UNKNOWN if reached else RETRY
