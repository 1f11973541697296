"""Refusals: the reason, the sentence, the metadata."""

import base64
from uuid import UUID

import grpc
import pytest
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import (
    STATUS_BYTES_MAX,
    STATUS_DETAILS_KEY,
    DomainError,
    Violation,
    invalid,
    not_found,
    to_status,
)
from services.chassis.rpc.interceptors import TRACE_ID_KEY
from services.chassis.text_bounds import encoded_bytes

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


def violations(count: int) -> list[Violation]:
    return [
        Violation(field=f"hours[{number}].weekday", description="must be from 1 to 7")
        for number in range(count)
    ]


def test_all_violations_of_a_request_are_named_together() -> None:
    error = invalid(*violations(2))
    assert error.message == (
        "hours[0].weekday: must be from 1 to 7; hours[1].weekday: must be from 1 to 7"
    )
    assert error.metadata == {"fields": "hours[0].weekday,hours[1].weekday"}


def test_from_the_twenty_first_on_violations_are_counted() -> None:
    error = invalid(*violations(200))
    assert error.message.endswith("hours[19].weekday: must be from 1 to 7; and 180 more")
    assert error.metadata["omitted"] == "180"
    assert error.metadata["fields"].endswith(",hours[19].weekday")
    bad_request = error_details_pb2.BadRequest()
    assert to_status(error).details[1].Unpack(bad_request)
    assert len(bad_request.field_violations) == 20


def test_how_many_more_there_are_is_said_even_where_texts_are_cut() -> None:
    long = [Violation(field=f"field_{number}", description="is ü" * 900) for number in range(21)]
    error = invalid(*long)
    assert error.message.endswith("…; and 1 more")
    assert to_status(error).message == error.message


def trailer_bytes(error: DomainError) -> int:
    """The size of the answer's trailers as they travel, counted as HTTP/2 does."""
    status = to_status(error)
    trailers = {
        "content-type": "application/grpc",
        ":status": "200",
        "grpc-status": str(status.code),
        "grpc-message": "x" * encoded_bytes(status.message),
        TRACE_ID_KEY: "0" * 32,
        STATUS_DETAILS_KEY: base64.b64encode(status.SerializeToString()).decode(),
    }
    return sum(len(name) + len(value) + 32 for name, value in trailers.items())


# Characters of one to four bytes in UTF-8, long runs of which are likely.
TEXTS = st.builds(
    lambda text, times: text * times, st.text(min_size=1, max_size=20), st.integers(1, 1_000)
)


@given(
    message=TEXTS,
    metadata=st.dictionaries(TEXTS, TEXTS, max_size=30),
    found=st.lists(st.builds(Violation, field=TEXTS, description=TEXTS), max_size=50),
)
def test_a_status_stays_below_8_kib_with_all_its_details(
    message: str, metadata: dict[str, str], found: list[Violation]
) -> None:
    for error in (
        invalid(*found),
        DomainError(
            "SYNC_IN_PROGRESS",
            message,
            metadata=metadata,
            violations=found,
            retry_after_seconds=86_400,
        ),
    ):
        assert trailer_bytes(error) < STATUS_BYTES_MAX


def test_what_fits_is_not_cut() -> None:
    metadata = {"conflicts": "x" * 3_000}
    error = DomainError("SLOT_TAKEN", "Taken.", metadata=metadata)
    info = error_details_pb2.ErrorInfo()
    assert to_status(error).details[0].Unpack(info)
    assert dict(info.metadata) == metadata
