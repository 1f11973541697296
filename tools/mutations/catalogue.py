"""Guards that functions rest on, with the tests that must turn red without each.

That every constraint and policy refuses what it has to is tried by structural.py; these here show
that what the functions promise is noticed to be broken too.
"""

from typing import Final

from tools.mutations.fences import FENCES
from tools.mutations.mutation import Mutation

INGEST: Final = "tests/schema/ingest/"
ROUTING: Final = "tests/schema/routing/"
DELIVERY: Final = "tests/schema/delivery/"
SCHEDULING: Final = "tests/schema/scheduling/"


def without_constraint(table: str, constraint: str, *tests: str) -> Mutation:
    """A table without one key or check."""
    return Mutation(
        name=f"no {constraint} on {table}",
        sql=f"alter table {table} drop constraint {constraint} cascade",
        tests=tests,
    )


def without_index(index: str, *tests: str) -> Mutation:
    """A table without one unique index."""
    return Mutation(name=f"no {index}", sql=f"drop index {index}", tests=tests)


def open_policy(table: str, *tests: str) -> Mutation:
    """A table whose policy lets every tenant through."""
    return Mutation(
        name=f"open policy of {table}",
        sql=f"alter policy tenant on {table} using (true) with check (true)",
        tests=tests,
    )


KEYS: Final = (
    without_constraint(
        "ingest.lead_sources",
        "lead_sources_pkey",
        INGEST + "test_upsert_lead_sources.py::test_of_many_that_ask_at_once_one_makes_the_lead",
    ),
    without_constraint(
        "ingest.messages",
        "messages_org_id_source_id_external_id_key",
        INGEST + "test_store_messages.py::test_the_same_message_at_once_is_stored_once",
    ),
    without_constraint(
        "ingest.requests",
        "requests_pkey",
        INGEST + "test_open_requests.py::test_the_same_request_at_once_makes_one_lead",
    ),
    without_constraint(
        "ingest.contact_identities",
        "contact_identities_pkey",
        INGEST + "test_resolve_contacts.py"
        "::test_a_thousand_leads_of_one_person_at_once_make_one_contact",
    ),
    without_index(
        "ingest.idx_conversations_open",
        INGEST + "test_resolve_contacts.py"
        "::test_a_thousand_leads_of_one_person_at_once_make_one_contact",
    ),
    without_constraint(
        "ingest.source_directory",
        "source_directory_pkey",
        INGEST + "test_create_source.py::test_of_many_that_want_a_page_at_once_one_gets_it",
    ),
    without_constraint(
        "ingest.webhook_deliveries",
        "webhook_deliveries_pkey",
        INGEST + "test_store_webhook_deliveries.py"
        "::test_storing_the_same_delivery_again_changes_nothing",
    ),
    without_constraint(
        "ingest.leads",
        "leads_org_id_source_id_external_id_key",
        INGEST + "test_create_leads_with_conversations_v2.py"
        "::test_no_second_lead_of_a_submission_can_be_written",
    ),
    without_constraint(
        "ingest.webhook_items",
        "webhook_items_org_id_delivery_id_ordinal_key",
        INGEST + "test_store_webhook_deliveries.py"
        "::test_no_second_item_of_a_place_in_a_webhook_can_be_written",
    ),
    without_constraint(
        "routing.lead_facts",
        "lead_facts_pkey",
        ROUTING + "test_enqueue_leads.py"
        "::test_a_lead_that_comes_again_at_the_same_moment_is_one_lead",
    ),
    without_constraint(
        "routing.lead_dedupe_hashes",
        "lead_dedupe_hashes_pkey",
        ROUTING + "test_complete_routing.py"
        "::test_of_equal_leads_at_the_same_moment_exactly_one_is_routed",
    ),
    without_constraint(
        "routing.requests",
        "requests_pkey",
        ROUTING + "test_create_rule.py::test_the_same_request_id_makes_one_rule",
    ),
    without_constraint(
        "routing.ticks",
        "ticks_pkey",
        ROUTING + "test_expire_leads.py::test_a_tick_is_bounded_and_runs_once",
    ),
    without_constraint(
        "delivery.lead_offers",
        "lead_offers_org_id_lead_id_workspace_id_key",
        DELIVERY + "test_offer_leads.py::test_a_lead_named_twice_in_one_batch_is_offered_once",
    ),
    without_constraint(
        "delivery.deliveries",
        "deliveries_org_id_offer_id_key",
        DELIVERY + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_index(
        "delivery.idx_credit_transactions_consumption",
        DELIVERY + "test_last_lines.py::test_a_delivery_is_charged_once_wherever_in_the_books",
    ),
    without_index(
        "delivery.idx_credit_holds_live",
        DELIVERY + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_index(
        "delivery.idx_delivery_waits_open",
        DELIVERY + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_constraint(
        "delivery.attempts",
        "attempts_org_id_delivery_id_endpoint_id_number_key",
        DELIVERY + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_constraint(
        "delivery.credit_transactions",
        "credit_transactions_pkey",
        DELIVERY + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_constraint(
        "delivery.requests",
        "requests_pkey",
        DELIVERY + "test_grant_credits.py::test_a_repeated_request_grants_once",
    ),
    without_constraint(
        "delivery.ticks",
        "ticks_pkey",
        DELIVERY + "test_expire_holds.py::test_a_tick_is_run_by_one_process",
    ),
    without_constraint(
        "scheduling.claims",
        "claims_never_overlap",
        SCHEDULING + "test_book_appointment_with_lock.py"
        "::test_a_thousand_attempts_on_one_slot_book_exactly_its_seats",
    ),
    without_constraint(
        "scheduling.requests",
        "requests_pkey",
        SCHEDULING + "test_book_appointment_with_lock.py"
        "::test_a_request_id_books_once_and_answers_the_same",
    ),
    without_constraint(
        "scheduling.ticks",
        "ticks_pkey",
        SCHEDULING + "test_promote_waiting.py"
        "::test_the_sweep_goes_on_where_it_stopped_and_the_first_in_line_comes_first",
    ),
    without_constraint(
        "scheduling.audit_logs",
        "audit_logs_org_id_subject_kind_subject_id_ordinal_key",
        SCHEDULING + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_constraint(
        "scheduling.calendar_hours",
        "calendar_hours_pkey",
        SCHEDULING + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_constraint(
        "scheduling.holidays",
        "holidays_pkey",
        SCHEDULING + "test_last_lines.py::test_there_is_no_second_one",
    ),
    without_constraint(
        "scheduling.holiday_sets",
        "holiday_sets_pkey",
        SCHEDULING + "test_save_holidays.py::test_concurrent_replacements_end_as_one_of_them",
    ),
    without_constraint(
        "scheduling.external_busy",
        "external_busy_pkey",
        SCHEDULING + "test_last_lines.py::test_there_is_no_second_one",
    ),
)

CHECKS: Final = tuple(
    without_constraint(
        "delivery.credit_accounts",
        check,
        DELIVERY + "test_last_lines.py::test_a_balance_is_never_negative_and_always_accounted_for",
    )
    for check in (
        "credit_accounts_available_check",
        "credit_accounts_held_check",
        "credit_accounts_check",
    )
)

TRIGGERS: Final = (
    Mutation(
        name="no trg_lead_offers_validate_transition",
        sql="drop trigger trg_lead_offers_validate_transition on delivery.lead_offers",
        tests=(
            DELIVERY + "test_validate_lead_offer_status_transition.py"
            "::test_exactly_the_steps_of_the_table_are_taken",
        ),
    ),
)

POLICIES: Final = (
    open_policy(
        "ingest.leads",
        INGEST + "test_create_source.py",
        INGEST + "test_get_trace.py::test_others_and_workspaces_see_nothing_of_it",
    ),
    open_policy(
        "routing.leads",
        ROUTING + "test_policies.py::test_no_org_sees_rows_of_another_in_any_table",
    ),
    open_policy(
        "routing.rules",
        ROUTING + "test_policies.py::test_no_org_sees_rows_of_another_in_any_table",
    ),
    open_policy(
        "delivery.lead_offers",
        DELIVERY + "test_tenants.py",
    ),
    open_policy(
        "delivery.credit_accounts",
        DELIVERY + "test_tenants.py",
    ),
    *(
        open_policy(f"scheduling.{table}", SCHEDULING + "test_tenants.py")
        for table in (
            "calendars",
            "services",
            "appointments",
            "claims",
            "holds",
            "waitlist_entries",
            "audit_logs",
            "imports",
        )
    ),
    Mutation(
        name="history of scheduling can be rewritten",
        sql="grant update, delete on scheduling.audit_logs to waybill_scheduling",
        tests=(SCHEDULING + "test_tenants.py::test_history_cannot_be_changed",),
    ),
    Mutation(
        name="history of routing can be rewritten",
        sql="grant update, delete on routing.lead_routing_logs to waybill_routing",
        tests=(ROUTING + "test_policies.py::test_history_cannot_be_changed",),
    ),
)

MUTATIONS: Final = (*KEYS, *CHECKS, *TRIGGERS, *POLICIES, *FENCES)
