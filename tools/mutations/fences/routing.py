"""Fences of routing's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_fence

CHASSIS: Final = "tests/schema/chassis/"
ROUTING: Final = "tests/schema/routing/"

FENCES: Final = (
    without_fence(
        "routing.lock_due_leads",
        "lease of the oldest",
        ROUTING + "test_acquire_routing_locks.py"
        "::test_a_lead_whose_lease_ran_out_is_claimed_again_with_the_attempt_unspent",
    ),
    without_fence(
        "routing.lock_due_leads",
        "lease of the share",
        ROUTING + "test_acquire_routing_locks.py::test_two_workers_never_claim_the_same_lead",
    ),
    without_fence(
        "routing.lock_due_leads",
        "lease of the rest",
        ROUTING + "test_acquire_routing_locks.py::test_two_workers_never_claim_the_same_lead",
    ),
    without_fence(
        "routing.acquire_routing_lock",
        "lease",
        ROUTING + "test_acquire_routing_lock.py::test_one_lead_is_claimed_by_its_id_once",
    ),
    without_fence(
        "routing.complete_routings",
        "workspace",
        ROUTING + "test_complete_routing.py"
        "::test_a_workspace_that_is_not_the_orgs_is_refused_and_nothing_is_changed",
    ),
    without_fence(
        "routing.take_dedupe_hashes",
        "window",
        ROUTING + "test_complete_routing.py"
        "::test_a_lead_of_a_person_that_another_lead_holds_is_a_duplicate",
    ),
    without_fence(
        "routing.lock_held_leads",
        "token",
        ROUTING + "test_complete_routing.py"
        "::test_a_worker_that_stalled_past_its_lease_changes_nothing",
    ),
    without_fence(
        "routing.lock_held_leads",
        "lease",
        ROUTING + "test_complete_routing.py"
        "::test_a_worker_that_stalled_past_its_lease_changes_nothing",
    ),
    without_fence(
        "routing.expire_leads",
        "lease",
        ROUTING + "test_expire_leads.py::test_a_lead_that_a_worker_holds_is_left_to_it",
    ),
    without_fence(
        "routing.update_rule",
        "etag",
        ROUTING + "test_update_rule.py::test_of_updates_with_the_same_etag_one_is_published",
    ),
    without_fence(
        "routing.publish_rule",
        "enabled rules",
        ROUTING + "test_create_rule.py::test_rules_made_at_once_are_no_more_than_an_org_may_have",
    ),
    # Between a repeat and another attempt: without these, traces would tell of repeats that were
    # none.
    without_fence(
        "routing.enqueue_leads",
        "repeat",
        CHASSIS + "test_repeats.py::test_a_lead_that_is_named_twice_in_one_batch_is_no_repeat",
    ),
    without_fence(
        "routing.note_repeated_attempts",
        "attempt",
        CHASSIS + "test_repeats.py::test_a_routing_that_is_completed_again_by_its_attempt",
        CHASSIS + "test_repeats.py::test_a_routing_that_is_failed_again_by_its_attempt",
    ),
)
