import pytest

from services.delivery.response_classification import classify_fault, classify_status

STATUSES = {
    "accepted": [200, 201, 202, 204, 299],
    "redirected": [300, 301, 302, 303, 307, 308],
    "gone": [410],
    "throttled": [429, 502, 503, 504],
    "retry": [408, 425, 500, 501, 505, 507, 511, 599, 100, 600, 999],
    "returned": [409, 422],
    "rejected": [400, 401, 402, 403, 404, 405, 406, 413, 415, 418, 451],
}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(status, outcome) for outcome, statuses in STATUSES.items() for status in statuses],
)
def test_each_status_means_what_the_table_says(status: int, outcome: str) -> None:
    assert classify_status(status) == outcome


def test_nothing_but_2xx_is_a_delivery() -> None:
    accepted = {status for status in range(1000) if classify_status(status) == "accepted"}
    assert accepted == set(range(200, 300))


def test_a_request_that_may_have_arrived_is_unknown_and_never_guessed() -> None:
    assert classify_fault(reached=True) == "unknown"
    assert classify_fault(reached=False) == "retry"
