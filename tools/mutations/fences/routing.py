"""Fences of routing's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_text

CHASSIS: Final = "tests/schema/chassis/"
ROUTING: Final = "tests/schema/routing/"

FENCES: Final = (
    without_text(
        "routing.lock_due_leads",
        "\n      and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now)"
        "\n      and l.lead_expires_at > p_now"
        "\n    order by l.due_at\n    limit p_limit\n    for update skip locked;",
        ROUTING + "test_acquire_routing_locks.py"
        "::test_a_lead_whose_lease_ran_out_is_claimed_again_with_the_attempt_unspent",
        new="\n      and l.lead_expires_at > p_now"
        "\n    order by l.due_at\n    limit p_limit\n    for update skip locked;",
    ),
    without_text(
        "routing.lock_due_leads",
        "\n      and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now)"
        "\n      and l.lead_expires_at > p_now\n    order by l.due_at\n    limit c.share",
        ROUTING + "test_acquire_routing_locks.py::test_two_workers_never_claim_the_same_lead",
        new="\n      and l.lead_expires_at > p_now\n    order by l.due_at\n    limit c.share",
    ),
    without_text(
        "routing.lock_due_leads",
        "\n    and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now)"
        "\n    and l.lead_expires_at > p_now\n    and l.lead_id <> all",
        ROUTING + "test_acquire_routing_locks.py::test_two_workers_never_claim_the_same_lead",
        new="\n    and l.lead_expires_at > p_now\n    and l.lead_id <> all",
    ),
    without_text(
        "routing.acquire_routing_lock",
        "and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now)",
        ROUTING + "test_acquire_routing_locks.py::test_one_lead_is_claimed_by_its_id_once",
    ),
    without_text(
        "routing.complete_routings",
        "perform refuse_unknown_workspace(w.org_id, w.workspace_id)",
        ROUTING + "test_complete_routing.py"
        "::test_a_workspace_that_is_not_the_orgs_is_refused_and_nothing_is_changed",
        new="perform w.org_id",
    ),
    without_text(
        "routing.lock_held_leads",
        "and l.routing_lock_token = p_token",
        ROUTING + "test_complete_routing.py"
        "::test_a_worker_that_stalled_past_its_lease_changes_nothing",
    ),
    without_text(
        "routing.lock_held_leads",
        "and l.routing_lock_expires_at > p_now",
        ROUTING + "test_complete_routing.py"
        "::test_a_worker_that_stalled_past_its_lease_changes_nothing",
    ),
    without_text(
        "routing.expire_leads",
        "and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now)",
        ROUTING + "test_expire_leads.py::test_a_lead_that_a_worker_holds_is_left_to_it",
    ),
    without_text(
        "routing.update_rule",
        "v_rule.version::text <> p_etag",
        ROUTING + "test_rules.py::test_of_updates_with_the_same_etag_one_is_published",
        new="false",
    ),
    without_text(
        "routing.publish_rule",
        "perform pg_advisory_xact_lock(hashtextextended('routing.rules ' || p_rule.org_id, 0));",
        ROUTING + "test_rules.py::test_rules_made_at_once_are_no_more_than_an_org_may_have",
    ),
    # What tells a repeat from another try: without it, a trace would tell of what
    # nobody did again.
    without_text(
        "routing.enqueue_leads",
        " and l.enqueued_at <> p_now",
        CHASSIS + "test_repeats.py::test_a_lead_that_is_named_twice_in_one_batch_is_no_repeat",
    ),
    without_text(
        "routing.complete_routings",
        "\n        and g.attempt_traceparent = i.attempt_traceparent",
        CHASSIS + "test_repeats.py::test_a_routing_that_is_completed_again_by_its_attempt",
    ),
    without_text(
        "routing.fail_routings",
        "\n        and g.attempt_traceparent = i.attempt_traceparent",
        CHASSIS + "test_repeats.py::test_a_routing_that_is_failed_again_by_its_attempt",
    ),
)
