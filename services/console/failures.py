"""What went wrong, for the operator: a sentence, and the details that a service sent with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import grpc
from google.rpc import error_details_pb2, status_pb2

from services.chassis.errors import DOMAIN, STATUS_DETAILS_KEY, Violation

_OUTAGES: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3


EXIT_CODES: Final = {
    ExitCode.DONE: "done",
    ExitCode.REFUSED: "refused: a service said no, nothing was found, or something does not hold",
    ExitCode.USAGE: "usage: wrong arguments, or a setting is missing",
    ExitCode.UNREACHABLE: "unreachable: a service or the database gave no answer; try again",
}


class ConsoleError(Exception):
    """Ends the command with its exit code; `lines` describe it, the first one in short.

    `metadata` is what a program would read of a refusal.
    """

    exit_code = ExitCode.REFUSED

    def __init__(self, *lines: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(lines[0])
        self.lines = lines
        self.metadata = dict(metadata or {})


class WrongUsageError(ConsoleError):
    """The command was not given what it needs."""

    exit_code = ExitCode.USAGE


class UnreachableError(ConsoleError):
    """A service or the database could not be asked."""

    exit_code = ExitCode.UNREACHABLE


class SettingMissingError(WrongUsageError):
    """An environment variable that the command needs is not set."""

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"{variable} is not set: run `make run` and, in another terminal,"
            " `source .waybill/env`, or export it yourself."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetails:
    """What a service answered to a call that it refused; empty where it sent no details of ours."""

    reason: str = ""
    message: str = ""
    violations: tuple[Violation, ...] = ()
    retry_after_seconds: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCall:
    """The call that failed: which service, how long it waited, and its trace."""

    service: str
    address: str
    timeout_seconds: float
    trace_id: str
    request_id: str = ""


class CallFailedError(ConsoleError):
    """A service refused a call, failed at it or could not be reached."""

    def __init__(
        self, call: FailedCall, code: grpc.StatusCode, details: str, error_details: ErrorDetails
    ) -> None:
        super().__init__(
            *failure_lines(call, code, details, error_details), metadata=error_details.metadata
        )
        self.code = code
        self.reason = error_details.reason
        if self.is_outage:
            self.exit_code = ExitCode.UNREACHABLE

    @property
    def is_outage(self) -> bool:
        """Whether the service (or what it needs) could not be reached, rather than refused."""
        return self.code in _OUTAGES


def failed(call: FailedCall, error: grpc.aio.AioRpcError) -> CallFailedError:
    """The failure that a gRPC error stands for."""
    return CallFailedError(call, error.code(), error.details() or "", error_details_of(error))


def error_details_of(error: grpc.aio.AioRpcError) -> ErrorDetails:
    """The details that travelled with the error."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            return parse_error_details(status_pb2.Status.FromString(value))
    return ErrorDetails()


def parse_error_details(status: status_pb2.Status) -> ErrorDetails:
    """Reason, message, metadata, field violations and when to try again."""
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    reason, retry_after = "", None
    metadata: dict[str, str] = {}
    for detail in status.details:
        if detail.Unpack(info):
            reason = info.reason if info.domain == DOMAIN else reason
            metadata |= info.metadata
        elif detail.Unpack(bad_request):
            continue
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToMilliseconds() / 1000
    return ErrorDetails(
        reason=reason,
        message=status.message,
        violations=tuple(
            Violation(field=violation.field, description=violation.description)
            for violation in bad_request.field_violations
        ),
        retry_after_seconds=retry_after,
        metadata=metadata,
    )


def failure_lines(
    call: FailedCall, code: grpc.StatusCode, details: str, error_details: ErrorDetails
) -> Sequence[str]:
    """The failure in words: what happened, why, and what to do."""
    if error_details.reason:
        return _refused_lines(call, code, error_details)
    if code is grpc.StatusCode.UNAVAILABLE:
        return (
            f"{call.service} could not be reached at {call.address}. Is it running?",
            details,
            *_repeat(call),
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return (
            f"{call.service} at {call.address} did not answer within {call.timeout_seconds:g} s.",
            *_repeat(call),
        )
    return (
        f"{call.service} failed: {details or code.name}",
        f"status: {code.name}",
        f"trace: {call.trace_id}",
    )


def _refused_lines(
    call: FailedCall, code: grpc.StatusCode, error_details: ErrorDetails
) -> Sequence[str]:
    lines = [
        error_details.message,
        f"reason: {error_details.reason} ({code.name}, from {call.service})",
    ]
    lines += [f"field {each.field}: {each.description}" for each in error_details.violations]
    if error_details.retry_after_seconds is not None:
        lines.append(f"try again after {error_details.retry_after_seconds:g} s")
    if code is grpc.StatusCode.INTERNAL:
        lines.append(f"trace: {call.trace_id}")
    return lines


def _repeat(call: FailedCall) -> Sequence[str]:
    """It is not known whether it happened; the same request id makes a repeat harmless."""
    if not call.request_id:
        return ()
    return (f"It may have happened all the same: repeat it with --request-id {call.request_id}",)
