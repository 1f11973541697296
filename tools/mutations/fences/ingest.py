"""Fences of ingest's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_text

CHASSIS: Final = "tests/schema/chassis/"
INGEST: Final = "tests/schema/ingest/"

FENCES: Final = (
    without_text(
        "ingest.lock_due_webhook_items",
        "and (i.claim_expires_at is null or i.claim_expires_at <= p_now)\n"
        "    order by i.due_at\n    limit v_unspared_room\n",
        INGEST + "test_settle_webhook_items.py"
        "::test_a_claim_takes_due_items_of_its_kind_with_all_that_work_needs",
        new="order by i.due_at limit v_unspared_room\n",
    ),
    without_text(
        "ingest.lock_due_webhook_items",
        "and (i.claim_expires_at is null or i.claim_expires_at <= p_now)\n"
        "    order by i.due_at\n    limit q.quota\n",
        INGEST + "test_settle_webhook_items.py::test_no_item_is_claimed_twice_at_once",
        new="order by i.due_at limit q.quota\n",
    ),
    without_text(
        "ingest.settle_webhook_items",
        "and i.claim_expires_at > p_now",
        INGEST + "test_settle_webhook_items.py::test_a_stalled_worker_settles_nothing",
    ),
    without_text(
        "ingest.settle_webhook_items",
        "and i.claim_token = g.token",
        INGEST + "test_settle_webhook_items.py::test_a_stalled_worker_settles_nothing",
    ),
    without_text(
        "ingest.create_leads_with_conversations",
        "and i.claim_expires_at > p_now",
        INGEST + "test_create_lead_with_conversation.py"
        "::test_a_worker_that_lost_its_lease_leaves_no_row",
    ),
    without_text(
        "ingest.create_leads_with_conversations",
        "and i.claim_token = u.token",
        INGEST + "test_create_lead_with_conversation.py"
        "::test_a_worker_that_lost_its_lease_leaves_no_row",
    ),
    without_text(
        "ingest.settle_webhook_items",
        "and h.token = g.token",
        INGEST + "test_settle_webhook_items.py"
        "::test_a_stale_try_beside_the_one_that_holds_the_item_settles_nothing",
    ),
    without_text(
        "ingest.create_leads_with_conversations",
        "and h.token = g.token",
        INGEST + "test_create_lead_with_conversation.py"
        "::test_a_stale_try_beside_the_one_that_holds_the_item_leaves_no_row",
    ),
    without_text(
        "ingest.open_requests",
        "r.content_hash <> g.request_hash",
        INGEST + "test_create_lead_with_conversation.py"
        "::test_a_request_id_with_other_content_is_refused_and_leaves_no_row",
        new="false",
    ),
    # What tells a repeat from another try: without it, a trace would tell of what
    # nobody did again.
    without_text(
        "ingest.create_leads_with_conversations",
        "\n        and a.attempt_trace_id = g.attempt_trace_id",
        CHASSIS + "test_repeats.py::test_an_item_that_is_stored_again_by_the_try_that_stored_it",
    ),
)
