"""Fences of sync's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_fence

SYNC: Final = "tests/schema/sync/"

FENCES: Final = (
    without_fence(
        "sync.acquire_sync_lock",
        "lease",
        SYNC + "test_acquire_sync_lock.py::test_of_a_thousand_who_ask_at_once_one_holds_the_lease",
    ),
    without_fence(
        "sync.hold_sync_lock",
        "token",
        SYNC + "test_save_sync_page.py"
        "::test_a_holder_that_stalled_past_its_lease_writes_nothing_afterwards",
    ),
    without_fence(
        "sync.hold_sync_lock",
        "lease",
        SYNC + "test_save_sync_page.py"
        "::test_a_holder_that_stalled_past_its_lease_writes_nothing_afterwards",
    ),
    without_fence(
        "sync.extend_sync_lock",
        "token",
        SYNC + "test_extend_sync_lock.py"
        "::test_only_a_holder_whose_lease_has_not_ended_lengthens_it",
    ),
    without_fence(
        "sync.extend_sync_lock",
        "lease",
        SYNC + "test_extend_sync_lock.py"
        "::test_only_a_holder_whose_lease_has_not_ended_lengthens_it",
    ),
    without_fence(
        "sync.release_sync_lock",
        "token",
        SYNC + "test_release_sync_lock.py"
        "::test_the_lease_is_free_again_when_it_ended_or_was_given_back",
    ),
    without_fence(
        "sync.cleanup_expired_locks",
        "lease",
        SYNC + "test_cleanup_expired_locks.py"
        "::test_leases_that_ended_are_cleaned_up_and_their_runs_marked",
    ),
    without_fence(
        "sync.save_sync_page",
        "version",
        SYNC + "test_save_sync_page.py::test_a_checkpoint_is_written_once_by_its_version",
    ),
    without_fence(
        "sync.end_sync_run",
        "version",
        SYNC + "test_end_sync_run.py::test_a_run_ends_only_where_its_session_still_stands",
    ),
    without_fence(
        "sync.update_conversation",
        "version",
        "tests/rpc/sync/test_service.py::test_a_conversation_is_changed_by_whoever_read_it_last",
    ),
)
