"""Failures that a caller can act on, and how they travel over gRPC.

A `DomainError` names a reason of `protos/waybill/errors/v1/error_reason.proto`, where its cause,
gRPC status and metadata are documented. Anything else that rises out of a handler is a bug or an
outage and leaves as INTERNAL with a fixed text.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from waybill.errors.v1 import error_reason_pb2
from waybill.errors.v1.error_reason_pb2 import ErrorReason

DOMAIN: Final = "waybill"
STATUS_DETAILS_KEY: Final = "grpc-status-details-bin"
INTERNAL_TEXT: Final = "Something failed on our side. The trace id finds it."
_PREFIX: Final = "ERROR_REASON_"
_STATUS_BY_NUMBER: Final = {status.value[0]: status for status in grpc.StatusCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing wrong with one field of a request, named as in the proto: `customer_phone`."""

    field: str
    description: str


class DomainError(Exception):
    """A refusal with a reason; the message tells a person what to do, the metadata a program."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after_seconds = retry_after_seconds

    @property
    def status(self) -> grpc.StatusCode:
        """The gRPC status that the reason stands for."""
        return status_of(self.reason)


def status_of(reason: str) -> grpc.StatusCode:
    """The status that `error_reason.proto` gives the reason; KeyError for one it does not have."""
    value = ErrorReason.DESCRIPTOR.values_by_name[_PREFIX + reason]
    return _STATUS_BY_NUMBER[value.GetOptions().Extensions[error_reason_pb2.status]]


def reason_of_number(number: int) -> str:
    """The reason with that enum number; ValueError for one that there is not."""
    return ErrorReason.Name(ErrorReason.ValueType(number)).removeprefix(_PREFIX)


def invalid(*violations: Violation) -> DomainError:
    """The refusal of a request with all that is wrong with it."""
    fields = ",".join(violation.field for violation in violations)
    text = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
    return DomainError("INVALID_REQUEST", text, metadata={"fields": fields}, violations=violations)


def not_found(what: str, key: object, *, key_name: str = "") -> DomainError:
    """The refusal `<WHAT>_NOT_FOUND`: the caller's org has no such thing, or not for this token.

    `what` is its name in words ("sync session"); the metadata holds the key as `<what>_id`, or
    under `key_name`.
    """
    name = what.replace(" ", "_")
    return DomainError(
        f"{name.upper()}_NOT_FOUND",
        f"There is no such {what} in this org.",
        metadata={key_name or f"{name}_id": str(key)},
    )


def unavailable(message: str, retry_after_seconds: float = 1) -> DomainError:
    """The refusal while something that we need cannot be reached."""
    return DomainError("UNAVAILABLE", message, retry_after_seconds=retry_after_seconds)


def to_status(error: DomainError) -> status_pb2.Status:
    """The error as `google.rpc.Status` with ErrorInfo, and BadRequest and RetryInfo as they fit."""
    status = status_pb2.Status(code=error.status.value[0], message=error.message)
    _add(
        status,
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata),
    )
    if error.violations:
        bad_request = error_details_pb2.BadRequest()
        for violation in error.violations:
            bad_request.field_violations.add(
                field=violation.field, description=violation.description
            )
        _add(status, bad_request)
    if error.retry_after_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(math.ceil(error.retry_after_seconds * 1000))
        _add(status, retry)
    return status


def _add(
    status: status_pb2.Status,
    detail: error_details_pb2.ErrorInfo
    | error_details_pb2.BadRequest
    | error_details_pb2.RetryInfo,
) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)


def from_call(error: grpc.aio.AioRpcError) -> DomainError | None:
    """The refusal that a peer's answer carries, or None where it carries none."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            return _from_status(status_pb2.Status.FromString(value))
    return None


def _from_status(status: status_pb2.Status) -> DomainError | None:
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info) and info.domain == DOMAIN:
            return DomainError(info.reason, status.message, metadata=info.metadata)
    return None
