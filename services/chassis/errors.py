"""Failures that a caller can act on, and how they travel over gRPC.

A `DomainError` names a reason of `protos/waybill/errors/v1/error_reason.proto`, where its cause,
gRPC status and metadata are documented. Anything else that rises out of a handler is a bug or an
outage and leaves as INTERNAL with a fixed text.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from services.chassis.text_bounds import cut, cut_to_fit, encoded_bytes
from waybill.errors.v1 import error_reason_pb2
from waybill.errors.v1.error_reason_pb2 import ErrorReason

DOMAIN: Final = "waybill"
STATUS_DETAILS_KEY: Final = "grpc-status-details-bin"
VIOLATIONS_MAX: Final = 20
# What a refusal adds to an answer stays below 8 KiB, from where on gRPC's clients begin to refuse
# the answer itself (RESOURCE_EXHAUSTED), and Envoy answers 503 in its place. The message travels
# twice, and what is not the message in base64, a third longer.
STATUS_BYTES_MAX: Final = 8 * 1024
_MESSAGE_BYTES_MAX: Final = 1_200
_DETAILS_BYTES_MAX: Final = 3_200
_VIOLATIONS_BYTES_MAX: Final = 2_000
_METADATA_ENTRIES_MAX: Final = 20
_METADATA_KEY_BYTES_MAX: Final = 64
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
        violations_omitted: int = 0,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.violations_omitted = violations_omitted
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
    """The reason with that enum number; ValueError for an unknown one."""
    return ErrorReason.Name(ErrorReason.ValueType(number)).removeprefix(_PREFIX)


def invalid(*violations: Violation, omitted: int = 0) -> DomainError:
    """The refusal INVALID_REQUEST with all that is wrong with a request.

    The first 20 violations are named, the others counted, and so are those that were `omitted`
    before.
    """
    named = violations[:VIOLATIONS_MAX]
    omitted += len(violations) - len(named)
    metadata = {"fields": ",".join(each.field for each in named)}
    end = ""
    if omitted:
        metadata["omitted"] = str(omitted)
        end = f"; and {omitted} more"
    room = _MESSAGE_BYTES_MAX - encoded_bytes(end) - encoded_bytes("; ") * len(named)
    texts = cut_to_fit([f"{each.field}: {each.description}" for each in named], room)
    return DomainError(
        "INVALID_REQUEST",
        "; ".join(texts) + end,
        metadata=metadata,
        violations=violations,
        violations_omitted=omitted,
    )


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
    """The error as `google.rpc.Status` with ErrorInfo, and BadRequest and RetryInfo as they fit.

    Long texts are cut: see `STATUS_BYTES_MAX`.
    """
    message = cut(error.message, _MESSAGE_BYTES_MAX)
    status = status_pb2.Status(code=error.status.value[0], message=message)
    violations, bytes_left = _bounded_violations(error.violations)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    info.metadata.update(_bounded_metadata(error.metadata, bytes_left))
    _add(status, info)
    if violations:
        _add(status, error_details_pb2.BadRequest(field_violations=violations))
    if error.retry_after_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(math.ceil(error.retry_after_seconds * 1000))
        _add(status, retry)
    return status


def _bounded_violations(
    violations: Sequence[Violation],
) -> tuple[list[error_details_pb2.BadRequest.FieldViolation], int]:
    """The first of them, and the bytes that they leave of the details'."""
    named = violations[:VIOLATIONS_MAX]
    texts = cut_to_fit(
        [text for each in named for text in (each.field, each.description)], _VIOLATIONS_BYTES_MAX
    )
    bounded = [
        error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
        for field, description in zip(texts[::2], texts[1::2], strict=True)
    ]
    return bounded, _DETAILS_BYTES_MAX - sum(map(encoded_bytes, texts))


def _bounded_metadata(metadata: Mapping[str, str], bytes_max: int) -> dict[str, str]:
    named = islice(metadata.items(), _METADATA_ENTRIES_MAX)
    entries = {cut(key, _METADATA_KEY_BYTES_MAX): value for key, value in named}
    bytes_left = bytes_max - sum(map(encoded_bytes, entries))
    return dict(zip(entries, cut_to_fit(list(entries.values()), bytes_left), strict=True))


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
