"""Fences of scheduling's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_fence

SCHEDULING: Final = "tests/schema/scheduling/"
RPC: Final = "tests/rpc/scheduling/"
STALLED_READER: Final = (
    SCHEDULING + "test_finish_import.py"
    "::test_an_importer_that_stalled_past_its_lease_changes_nothing"
)
STALLED_RETURN: Final = (
    SCHEDULING + "test_return_imports.py"
    "::test_an_importer_that_stalled_past_its_lease_returns_nothing"
)

FENCES: Final = (
    without_fence("scheduling.finish_import", "token", STALLED_READER),
    without_fence("scheduling.finish_import", "lease", STALLED_READER),
    without_fence("scheduling.return_imports", "token", STALLED_RETURN),
    without_fence("scheduling.return_imports", "lease", STALLED_RETURN),
    without_fence(
        "scheduling.begin_request",
        "content",
        SCHEDULING + "test_book_appointment_with_lock.py"
        "::test_a_request_id_books_once_and_answers_the_same",
    ),
    without_fence(
        "scheduling.lock_calendar",
        "version",
        RPC + "test_calendars.py::test_a_stale_etag_changes_nothing",
    ),
    without_fence(
        "scheduling.update_service",
        "version",
        SCHEDULING + "test_update_service.py::test_a_changed_service_is_booked_as_it_is_then",
    ),
    without_fence(
        "scheduling.confirm_hold",
        "expiry",
        SCHEDULING + "test_confirm_hold.py::test_a_hold_is_confirmed_until_it_expires",
    ),
    without_fence(
        "scheduling.end_holds",
        "expiry",
        SCHEDULING + "test_end_holds.py::test_a_hold_whose_time_is_not_over_does_not_expire",
    ),
    without_fence(
        "scheduling.update_calendar",
        "leases",
        SCHEDULING + "test_update_calendar.py"
        "::test_a_wider_horizon_has_external_calendars_read_again_at_once",
    ),
    without_fence(
        "scheduling.slot_starts",
        "lowered capacity",
        SCHEDULING + "test_update_calendar.py"
        "::test_claims_beyond_a_lowered_capacity_take_up_a_seat",
    ),
    without_fence(
        "scheduling.promote_waitlist",
        "promotion",
        SCHEDULING + "test_cancel_appointment.py"
        "::test_a_cancellation_promotes_the_first_in_line_in_the_same_transaction",
    ),
)
