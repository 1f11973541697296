"""Failures in words."""

import grpc
import pytest
from google.rpc import error_details_pb2

from services.chassis.errors import DomainError, Violation, invalid, to_status, unavailable
from services.console.failures import (
    CallFailedError,
    ErrorDetails,
    FailedCall,
    SettingMissingError,
    failure_lines,
    parse_error_details,
)

CALL = FailedCall(
    service="ingest",
    address="127.0.0.1:7001",
    timeout_seconds=10,
    trace_id="a" * 32,
    request_id="form-17",
)


def lines_of(error: DomainError) -> list[str]:
    return list(failure_lines(CALL, error.status, "", parse_error_details(to_status(error))))


def test_a_refusal_says_message_reason_and_each_field() -> None:
    error = invalid(
        Violation(field="customer_phone", description="is not a valid phone number"),
        Violation(field="type", description="is not one of order"),
    )
    assert lines_of(error) == [
        error.message,
        "reason: INVALID_REQUEST (INVALID_ARGUMENT, from ingest)",
        "field customer_phone: is not a valid phone number",
        "field type: is not one of order",
    ]


def test_a_refusal_for_now_says_when_to_try_again() -> None:
    assert "try again after 2.5 s" in lines_of(unavailable("No database.", 2.5))


def test_metadata_of_every_error_info_is_read() -> None:
    status = to_status(DomainError("SLOT_CLOSED", "Closed.", metadata={"cause": "hours"}))
    theirs = error_details_pb2.ErrorInfo(domain="example.com", metadata={"quota": "7"})
    status.details.add().Pack(theirs)
    details = parse_error_details(status)
    assert details.reason == "SLOT_CLOSED"
    assert details.metadata == {"cause": "hours", "quota": "7"}


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (grpc.StatusCode.UNAVAILABLE, 3),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 3),
        (grpc.StatusCode.NOT_FOUND, 1),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 1),
        (grpc.StatusCode.INTERNAL, 1),
    ],
)
def test_no_answer_ends_with_another_code_than_a_refusal(
    code: grpc.StatusCode, exit_code: int
) -> None:
    assert CallFailedError(CALL, code, "", ErrorDetails()).exit_code == exit_code


def test_a_missing_setting_is_wrong_usage() -> None:
    assert SettingMissingError("WAYBILL_TOKEN").exit_code == 2


def test_a_bug_of_ours_is_found_by_its_trace() -> None:
    assert f"trace: {'a' * 32}" in lines_of(DomainError("INTERNAL", "Something failed."))


def test_a_service_that_is_not_there_is_named_with_its_address() -> None:
    lines = failure_lines(CALL, grpc.StatusCode.UNAVAILABLE, "Connection refused", ErrorDetails())
    assert lines[0] == "ingest could not be reached at 127.0.0.1:7001. Is it running?"
    assert lines[1] == "Connection refused"


def test_a_write_whose_end_is_unknown_can_be_repeated_harmlessly() -> None:
    lines = failure_lines(CALL, grpc.StatusCode.DEADLINE_EXCEEDED, "", ErrorDetails())
    assert lines[0] == "ingest at 127.0.0.1:7001 did not answer within 10 s."
    assert "--request-id form-17" in lines[-1]


def test_an_answer_that_is_not_of_ours_says_its_status() -> None:
    lines = failure_lines(CALL, grpc.StatusCode.UNIMPLEMENTED, "Method not found!", ErrorDetails())
    assert lines[:2] == ("ingest failed: Method not found!", "status: UNIMPLEMENTED")
