"""Refusals: the reason, the sentence, the metadata."""

from uuid import UUID

import grpc
import pytest

from services.chassis.errors import not_found

THING = UUID("0190b5a0-0000-7000-8000-000000000001")


def test_what_is_not_found_is_named_in_words_and_with_its_key() -> None:
    error = not_found("workspace", THING)
    assert error.reason == "WORKSPACE_NOT_FOUND"
    assert error.status is grpc.StatusCode.NOT_FOUND
    assert error.message == "There is no such workspace in this org."
    assert error.metadata == {"workspace_id": str(THING)}


def test_a_name_of_two_words_may_have_a_key_of_another_name() -> None:
    error = not_found("sync session", THING, key_name="session_id")
    assert error.reason == "SYNC_SESSION_NOT_FOUND"
    assert error.message == "There is no such sync session in this org."
    assert error.metadata == {"session_id": str(THING)}


def test_a_reason_that_is_not_documented_is_a_bug() -> None:
    with pytest.raises(KeyError):
        _ = not_found("unicorn", THING).status
