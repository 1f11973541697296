"""Fences of delivery's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_fence

CHASSIS: Final = "tests/schema/chassis/"
DELIVERY: Final = "tests/schema/delivery/"

FENCES: Final = (
    without_fence(
        "delivery.lock_accounts_for_consumption",
        "account order",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_batches_that_share_accounts_lock_them_in_the_same_order",
    ),
    without_fence(
        "delivery.lock_accounts_for_consumption",
        "available credits",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_credits_that_are_spent_before_the_account_is_locked_are_not_spent_again",
    ),
    without_fence(
        "delivery.decide_completions",
        "token",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_a_stalled_worker_past_its_lease_completes_nothing",
    ),
    without_fence(
        "delivery.decide_completions",
        "lease",
        DELIVERY + "test_complete_deliveries_and_consume_credits.py"
        "::test_a_stalled_worker_past_its_lease_completes_nothing",
    ),
    without_fence(
        "delivery.finish_deliveries",
        "token",
        DELIVERY + "test_finish_deliveries.py"
        "::test_a_stalled_worker_past_its_lease_changes_nothing",
    ),
    without_fence(
        "delivery.finish_deliveries",
        "lease",
        DELIVERY + "test_finish_deliveries.py"
        "::test_a_report_that_comes_after_its_own_lease_changes_nothing",
    ),
    without_fence(
        "delivery.finish_attempts",
        "token",
        DELIVERY + "test_finish_deliveries.py::test_a_report_finishes_no_attempt_of_another_claim",
    ),
    without_fence(
        "delivery.finish_attempts",
        "token of the endpoint",
        DELIVERY + "test_finish_deliveries.py::test_a_report_finishes_no_attempt_of_another_claim",
    ),
    without_fence(
        "delivery.extend_delivery_lease",
        "token",
        DELIVERY + "test_extend_delivery_lease.py::test_a_lease_is_lengthened_only_by_its_holder",
    ),
    without_fence(
        "delivery.extend_delivery_lease",
        "lease",
        DELIVERY + "test_extend_delivery_lease.py"
        "::test_a_lengthened_lease_is_not_claimed_by_another",
    ),
    without_fence(
        "delivery.return_deliveries",
        "token",
        DELIVERY + "test_return_deliveries.py"
        "::test_a_returned_delivery_is_due_at_once_with_its_attempt_unspent",
    ),
    without_fence(
        "delivery.return_deliveries",
        "lease",
        DELIVERY + "test_return_deliveries.py::test_what_lost_its_lease_is_not_returned",
    ),
    without_fence(
        "delivery.withdraw_delivery",
        "lease",
        DELIVERY + "test_advance_offer.py"
        "::test_an_offer_is_not_stopped_in_the_middle_of_being_sent",
    ),
    without_fence(
        "delivery.expire_holds",
        "lease",
        DELIVERY + "test_expire_holds.py::test_a_hold_expires_only_without_a_lease",
    ),
    without_fence(
        "delivery.expire_holds",
        "expiry",
        DELIVERY + "test_expire_holds.py"
        "::test_a_hold_that_is_renewed_while_the_sweep_waits_for_its_account_stays",
    ),
    # What distinguishes a repeat from another attempt: without it, a trace would show repeats that
    # did not happen.
    without_fence(
        "delivery.offer_leads",
        "new offers",
        CHASSIS + "test_repeats.py::test_a_lead_that_is_offered_again",
    ),
    without_fence(
        "delivery.note_repeated_reports",
        "token",
        CHASSIS + "test_repeats.py::test_a_delivery_that_is_reported_again_by_its_attempt",
    ),
    without_fence(
        "delivery.note_repeated_reports",
        "outcome",
        CHASSIS + "test_repeats.py::test_a_delivery_that_is_reported_again_by_its_attempt",
    ),
)
