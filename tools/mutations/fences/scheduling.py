"""Fences of scheduling's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_text

SCHEDULING: Final = "tests/schema/scheduling/"

FENCES: Final = (
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
