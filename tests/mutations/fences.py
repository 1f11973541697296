"""What functions refuse by themselves: leases, tokens, versions, contents; each taken away."""

from typing import Final

from tests.mutations.mutation import without_text

INGEST: Final = "tests/schema/ingest/"
ROUTING: Final = "tests/schema/routing/"
DELIVERY: Final = "tests/schema/delivery/"
SCHEDULING: Final = "tests/schema/scheduling/"
SYNC: Final = "tests/schema/sync/"
CHASSIS: Final = "tests/schema/chassis/"

CHASSIS_FENCES: Final = (
    without_text(
        "ingest.lock_due_outbox",
        "\n      and (o.claim_expires_at is null or o.claim_expires_at <= p_now)"
        "\n    order by o.due_at\n    limit p_limit\n    for update skip locked;",
        CHASSIS + "test_outbox.py::test_a_claimed_row_is_due_again_when_its_lease_ran_out",
        new="\n    order by o.due_at\n    limit p_limit\n    for update skip locked;",
    ),
    without_text(
        "ingest.lock_due_outbox",
        "\n      and (o.claim_expires_at is null or o.claim_expires_at <= p_now)"
        "\n    order by o.due_at\n    limit c.share",
        CHASSIS + "test_outbox.py::test_a_backlog_is_claimed_once_a_part_at_a_time",
        new="\n    order by o.due_at\n    limit c.share",
    ),
    without_text(
        "ingest.lock_due_outbox",
        "\n    and (o.claim_expires_at is null or o.claim_expires_at <= p_now)"
        "\n    and o.outbox_id <> all",
        CHASSIS + "test_outbox.py::test_a_backlog_is_claimed_once_a_part_at_a_time",
        new="\n    and o.outbox_id <> all",
    ),
    without_text(
        "ingest.settle_outbox",
        "o.claim_token = p_token\n        and ",
        CHASSIS + "test_outbox.py::test_a_relay_that_lost_its_lease_settles_nothing",
    ),
    without_text(
        "ingest.settle_outbox",
        "and o.claim_expires_at > p_now",
        CHASSIS + "test_outbox.py::test_a_relay_that_comes_back_after_its_lease_settles_nothing",
    ),
    without_text(
        "delivery.begin_request",
        "v_before.content_hash <> p_content_hash",
        DELIVERY + "test_credits.py::test_a_request_id_with_other_content_is_refused",
        new="false",
    ),
)

# What tells a repeat from another try: without it a trace would tell of what nobody did again.
REPEAT_FENCES: Final = (
    without_text(
        "ingest.create_leads_with_conversations",
        "\n        and a.attempt_trace_id = g.attempt_trace_id",
        CHASSIS + "test_repeats.py::test_an_item_that_is_stored_again_by_the_try_that_stored_it",
    ),
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
        "\n        and t.outcome = a.outcome",
        CHASSIS + "test_repeats.py::test_a_delivery_that_is_reported_again_by_its_attempt",
    ),
)

INGEST_FENCES: Final = (
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
)

ROUTING_FENCES: Final = (
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
)

DELIVERY_FENCES: Final = (
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
        "and t.claim_token = n.token\n      and t.outcome is null",
        DELIVERY + "test_finish_deliveries.py::test_a_report_finishes_no_attempt_of_another_claim",
        new="and t.outcome is null",
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
)

SCHEDULING_FENCES: Final = (
    without_text(
        "scheduling.finish_import",
        "i.claim_token = p_token and ",
        SCHEDULING + "test_finish_import.py"
        "::test_a_reader_that_stalled_past_its_lease_changes_nothing",
    ),
    without_text(
        "scheduling.finish_import",
        " and i.claim_expires_at > p_now",
        SCHEDULING + "test_finish_import.py"
        "::test_a_reader_that_stalled_past_its_lease_changes_nothing",
    ),
    without_text(
        "scheduling.return_imports",
        "i.claim_token = p_token and ",
        SCHEDULING + "test_finish_import.py::test_who_stalled_past_the_lease_gives_nothing_back",
    ),
    without_text(
        "scheduling.return_imports",
        " and i.claim_expires_at > p_now",
        SCHEDULING + "test_finish_import.py::test_who_stalled_past_the_lease_gives_nothing_back",
    ),
    without_text(
        "scheduling.lock_calendar",
        "v_calendar.version <> p_version",
        "tests/rpc/scheduling/test_service.py::test_a_stale_etag_changes_nothing",
        new="false",
    ),
    without_text(
        "scheduling.confirm_hold",
        " or v_hold.expires_at <= p_now",
        SCHEDULING + "test_changes.py::test_a_hold_is_confirmed_until_it_expires",
    ),
    without_text(
        "scheduling.end_holds",
        "and (p_status = 'released' or h.expires_at <= p_now)",
        SCHEDULING + "test_end_holds.py::test_a_hold_whose_time_is_not_over_does_not_expire",
    ),
    without_text(
        "scheduling.update_calendar",
        "claim_token = null,\n        claim_expires_at = null",
        SCHEDULING + "test_calendars.py"
        "::test_a_wider_horizon_has_external_calendars_read_again_at_once",
        new="claim_token = claim_token",
    ),
    without_text(
        "scheduling.begin_request",
        "v_before.content_hash <> p_content_hash",
        SCHEDULING + "test_book_appointment_with_lock.py"
        "::test_a_request_id_books_once_and_answers_the_same",
        new="false",
    ),
    without_text(
        "scheduling.update_service",
        "v_before.version <> p_version",
        SCHEDULING + "test_calendars.py::test_a_changed_service_is_booked_as_it_is_then",
        new="false",
    ),
    without_text(
        "scheduling.slot_starts",
        "b.taken is null",
        SCHEDULING + "test_calendars.py::test_who_is_beyond_a_lowered_capacity_takes_up_a_seat",
        new="true",
    ),
    without_text(
        "scheduling.promote_waitlist",
        "v_count < 20",
        SCHEDULING + "test_waitlist.py"
        "::test_a_cancellation_promotes_the_first_who_waits_in_the_same_transaction",
        new="v_count < 0",
    ),
)

SYNC_FENCES: Final = (
    without_text(
        "sync.acquire_sync_lock",
        "where l.expires_at <= p_now or l.token = excluded.token",
        SYNC + "test_sync_locks.py::test_of_a_thousand_who_ask_at_once_one_holds_the_lease",
    ),
    without_text(
        "sync.hold_sync_lock",
        "and l.token = p_token",
        SYNC + "test_sync_locks.py"
        "::test_a_holder_that_stalled_past_its_lease_writes_nothing_afterwards",
    ),
    without_text(
        "sync.hold_sync_lock",
        "and l.expires_at > p_now",
        SYNC + "test_sync_locks.py"
        "::test_a_holder_that_stalled_past_its_lease_writes_nothing_afterwards",
    ),
    without_text(
        "sync.extend_sync_lock",
        "and l.token = p_token",
        SYNC + "test_sync_locks.py::test_only_a_holder_whose_lease_has_not_ended_lengthens_it",
    ),
    without_text(
        "sync.extend_sync_lock",
        "and l.expires_at > p_now",
        SYNC + "test_sync_locks.py::test_only_a_holder_whose_lease_has_not_ended_lengthens_it",
    ),
    without_text(
        "sync.release_sync_lock",
        "and l.token = p_token",
        SYNC + "test_sync_locks.py::test_the_lease_is_free_again_when_it_ended_or_was_given_back",
    ),
    without_text(
        "sync.cleanup_expired_locks",
        "l.expires_at <= p_now",
        SYNC + "test_sync_locks.py::test_leases_that_ended_are_cleaned_up_and_their_runs_marked",
        new="true",
    ),
    without_text(
        "sync.save_sync_page",
        "and s.version = p_version",
        SYNC + "test_sync_locks.py::test_a_checkpoint_is_written_once_by_its_version",
    ),
    without_text(
        "sync.end_sync_run",
        "and s.version = p_version",
        SYNC + "test_sync_locks.py::test_a_run_ends_only_where_its_session_still_stands",
    ),
    without_text(
        "sync.update_conversation",
        "v_version <> p_version",
        "tests/rpc/sync/test_service.py::test_a_conversation_is_changed_by_whoever_read_it_last",
        new="false",
    ),
)

FENCES: Final = (
    *CHASSIS_FENCES,
    *REPEAT_FENCES,
    *INGEST_FENCES,
    *ROUTING_FENCES,
    *DELIVERY_FENCES,
    *SCHEDULING_FENCES,
    *SYNC_FENCES,
)
