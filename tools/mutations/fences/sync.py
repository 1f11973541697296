"""Fences of sync's functions, and the tests that must notice when one is gone."""

from typing import Final

from tools.mutations.mutation import without_text

SYNC: Final = "tests/schema/sync/"

FENCES: Final = (
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
