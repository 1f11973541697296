"""Fences of the chassis's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_fence

CHASSIS: Final = "tests/schema/chassis/"
DELIVERY: Final = "tests/schema/delivery/"

FENCES: Final = (
    without_fence(
        "ingest.lock_due_outbox",
        "lease",
        CHASSIS + "test_claim_outbox.py::test_a_claimed_row_is_due_again_when_its_lease_ran_out",
    ),
    without_fence(
        "ingest.lock_due_outbox",
        "lease of the share",
        CHASSIS + "test_claim_outbox.py::test_a_backlog_is_claimed_once_a_part_at_a_time",
    ),
    without_fence(
        "ingest.lock_due_outbox",
        "lease of the oldest",
        CHASSIS + "test_claim_outbox.py::test_a_backlog_is_claimed_once_a_part_at_a_time",
    ),
    without_fence(
        "ingest.settle_outbox",
        "token",
        CHASSIS + "test_settle_outbox.py::test_a_relay_that_lost_its_lease_settles_nothing",
    ),
    without_fence(
        "ingest.settle_outbox",
        "lease",
        CHASSIS
        + "test_settle_outbox.py::test_a_relay_that_comes_back_after_its_lease_settles_nothing",
    ),
    without_fence(
        "delivery.begin_request",
        "content",
        DELIVERY + "test_grant_credits.py::test_a_request_id_with_other_content_is_refused",
    ),
)
