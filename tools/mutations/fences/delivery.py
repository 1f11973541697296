"""Fences of delivery's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_text

CHASSIS: Final = "tests/schema/chassis/"
DELIVERY: Final = "tests/schema/delivery/"

FENCES: Final = (
    without_text(
        "delivery.complete_deliveries_and_consume_credits",
        "order by n.org_id, n.workspace_id",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_batches_that_share_accounts_lock_them_in_the_same_order",
        new="order by random()",
    ),
    without_text(
        "delivery.finish_deliveries",
        "d.claim_token = n.token and ",
        DELIVERY + "test_finish_deliveries.py"
        "::test_a_stalled_worker_past_its_lease_changes_nothing",
    ),
    without_text(
        "delivery.finish_deliveries",
        " and d.claim_expires_at > p_now",
        DELIVERY + "test_finish_deliveries.py"
        "::test_a_report_that_comes_after_its_own_lease_changes_nothing",
    ),
    without_text(
        "delivery.finish_attempts",
        "and t.claim_token = n.token\n      and t.result is null",
        DELIVERY + "test_finish_deliveries.py::test_a_report_finishes_no_attempt_of_another_claim",
        new="and t.result is null",
    ),
    without_text(
        "delivery.finish_attempts",
        "and t.claim_token = n.token\n    where",
        DELIVERY + "test_finish_deliveries.py::test_a_report_finishes_no_attempt_of_another_claim",
        new="where",
    ),
    without_text(
        "delivery.complete_deliveries_and_consume_credits",
        "d.claim_token is distinct from n.token or ",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_a_stalled_worker_past_its_lease_completes_nothing",
    ),
    without_text(
        "delivery.complete_deliveries_and_consume_credits",
        " or d.claim_expires_at <= p_now",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_a_stalled_worker_past_its_lease_completes_nothing",
    ),
    without_text(
        "delivery.complete_deliveries_and_consume_credits",
        "a.available < n.needed",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_credits_that_are_spent_before_the_account_is_locked_are_not_spent_again",
        new="false",
    ),
    without_text(
        "delivery.extend_delivery_lease",
        "claim_token = p_token and ",
        DELIVERY + "test_last_lines.py::test_a_lease_is_lengthened_by_its_holder_alone",
    ),
    without_text(
        "delivery.extend_delivery_lease",
        " and claim_expires_at > p_now",
        DELIVERY + "test_sending_again.py::test_a_lengthened_lease_is_not_claimed_by_another",
    ),
    without_text(
        "delivery.return_deliveries",
        "d.claim_token = n.token and ",
        DELIVERY + "test_sending_again.py"
        "::test_what_is_given_back_is_due_at_once_with_its_attempt_unspent",
    ),
    without_text(
        "delivery.return_deliveries",
        " and d.claim_expires_at > p_now",
        DELIVERY + "test_sending_again.py::test_what_lost_its_lease_is_not_given_back",
    ),
    without_text(
        "delivery.withdraw_delivery",
        "v_delivery.claim_expires_at > p_now",
        DELIVERY + "test_sending_again.py"
        "::test_an_offer_is_not_stopped_in_the_middle_of_being_sent",
        new="false",
    ),
    without_text(
        "delivery.expire_holds",
        "and (d.claim_expires_at is null or d.claim_expires_at <= p_now)",
        DELIVERY + "test_credits.py::test_a_hold_expires_only_when_nobody_is_sending",
    ),
    without_text(
        "delivery.expire_holds",
        " and h.expires_at <= p_now;",
        DELIVERY + "test_credits.py"
        "::test_a_hold_that_is_renewed_while_the_sweep_waits_for_its_account_stays",
        new=";",
    ),
    # What tells a repeat from another try: without it, a trace would tell of what
    # nobody did again.
    without_text(
        "delivery.offer_leads",
        " and o.offer_id <> all (coalesce(v_new_ids, '{}'))",
        CHASSIS + "test_repeats.py::test_a_lead_that_is_offered_again",
    ),
    without_text(
        "delivery.finish_deliveries",
        " and t.claim_token = n.token",
        CHASSIS + "test_repeats.py::test_a_delivery_that_is_reported_again_by_its_attempt",
    ),
    without_text(
        "delivery.finish_deliveries",
        "\n        and t.result = a.result",
        CHASSIS + "test_repeats.py::test_a_delivery_that_is_reported_again_by_its_attempt",
    ),
)
