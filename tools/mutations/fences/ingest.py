"""Fences of ingest's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_fence

CHASSIS: Final = "tests/schema/chassis/"
INGEST: Final = "tests/schema/ingest/"

FENCES: Final = (
    without_fence(
        "ingest.lock_due_webhook_items",
        "lease",
        INGEST + "test_claim_webhook_items.py"
        "::test_a_claim_takes_due_items_of_its_kind_with_all_that_work_needs",
    ),
    without_fence(
        "ingest.lock_shared_webhook_items",
        "lease of the share",
        INGEST + "test_claim_webhook_items.py::test_no_item_is_claimed_twice_at_once",
    ),
    without_fence(
        "ingest.settle_webhook_items",
        "lease",
        INGEST + "test_settle_webhook_items.py::test_a_stalled_worker_settles_nothing",
    ),
    without_fence(
        "ingest.settle_webhook_items",
        "token",
        INGEST + "test_settle_webhook_items.py::test_a_stalled_worker_settles_nothing",
    ),
    without_fence(
        "ingest.settle_webhook_items",
        "token of the attempt",
        INGEST + "test_settle_webhook_items.py"
        "::test_a_stale_attempt_beside_the_one_that_holds_the_item_settles_nothing",
    ),
    without_fence(
        "ingest.find_lead_outcomes",
        "lease",
        INGEST + "test_create_leads_with_conversations_v2.py"
        "::test_a_worker_that_lost_its_lease_leaves_no_row",
    ),
    without_fence(
        "ingest.find_lead_outcomes",
        "token",
        INGEST + "test_create_leads_with_conversations_v2.py"
        "::test_a_worker_that_lost_its_lease_leaves_no_row",
    ),
    without_fence(
        "ingest.find_lead_outcomes",
        "token of the attempt",
        INGEST + "test_create_leads_with_conversations_v2.py"
        "::test_a_stale_attempt_beside_the_one_that_holds_the_item_leaves_no_row",
    ),
    without_fence(
        "ingest.open_requests",
        "content",
        INGEST + "test_open_requests.py"
        "::test_a_request_id_with_other_content_is_refused_and_leaves_no_row",
    ),
    # What tells a repeat from another attempt: without it, a trace would show a repeat that there
    # was not.
    without_fence(
        "ingest.note_lost_leases",
        "attempt",
        CHASSIS + "test_repeats.py::test_an_item_that_is_stored_again_by_the_try_that_stored_it",
    ),
)
