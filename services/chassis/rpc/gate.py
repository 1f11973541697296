"""What every call passes before its handler: a deadline, a caller, permission, required fields.

On the way out a `DomainError` becomes a gRPC status with details; anything else becomes INTERNAL
with a fixed text, and stands in the log with its trace.
"""

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, NoReturn

import grpc
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.chassis.errors import (
    INTERNAL_TEXT,
    STATUS_DETAILS_KEY,
    DomainError,
    Violation,
    invalid,
    to_status,
    unavailable,
)
from services.chassis.rpc.auth import NOT_LISTED, AccessTable, TokenVerifier, set_caller
from services.chassis.rpc.edge import came_as_json
from services.chassis.rpc.interceptors import Malformed, deadline_left, is_quiet, wrap_unary
from services.chassis.rpc.json_names import in_json_names
from services.chassis.telemetry import log, note
from services.chassis.trace import current

_OUTAGES: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
)
MALFORMED_TEXT: Final = "The request cannot be read: every text in it must be UTF-8."
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def time_left() -> float | None:
    """Seconds that calls made by the handler may take; None outside of one."""
    return deadline_left(_deadline.get())


class Gate(grpc.aio.ServerInterceptor):
    """Lets a call through to its handler, or says why not."""

    def __init__(self, verifier: TokenVerifier, access: AccessTable) -> None:
        self._verifier = verifier
        self._access = access

    async def intercept_service(
        self,
        continuation: Callable[..., Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        if handler is None or is_quiet(method):
            return handler
        if handler.unary_unary is None:
            raise NotUnaryError(method)

        async def behaviour(
            request: Message | Malformed, context: grpc.aio.ServicerContext[Any, Any]
        ) -> Any:
            try:
                self._admit(method, request, context)
                return await handler.unary_unary(request, context)
            except DomainError as error:
                await abort(context, _in_callers_names(error, request, context))
            except grpc.aio.AbortError:
                raise
            except grpc.aio.AioRpcError as error:
                log.error("a peer failed", method=method, code=error.code().name)
                await abort(context, _of_peer(error))
            except Exception as error:
                log.error("uncaught", method=method, error=type(error).__name__, exc_info=True)
                await abort(context, _internal())

        return wrap_unary(handler, behaviour)

    def _admit(
        self,
        method: str,
        request: Message | Malformed,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        authorization = _metadata(context).get("authorization")
        caller = self._verifier.verify(authorization if isinstance(authorization, str) else None)
        if not self._access.get(method, NOT_LISTED).admits(caller):
            text = f"A token of role {caller.role} and subject {caller.subject} may not call this."
            raise DomainError("METHOD_NOT_ALLOWED", text, metadata={"method": method})
        set_caller(caller)
        remaining = context.time_remaining()
        if remaining is None:
            raise DomainError("DEADLINE_MISSING", "Send a deadline (grpc-timeout) with each call.")
        _deadline.set(time.monotonic() + remaining)
        if isinstance(request, Malformed):
            raise DomainError("INVALID_REQUEST", MALFORMED_TEXT)
        if violations := missing_fields(request):
            raise invalid(*violations)


def _in_callers_names(
    error: DomainError, request: Message | Malformed, context: grpc.aio.ServicerContext[Any, Any]
) -> DomainError:
    """The refusal with its fields named as in what the caller sent."""
    if isinstance(request, Malformed) or not came_as_json(_metadata(context)):
        return error
    return in_json_names(error, request)


def _metadata(context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, Any]:
    return dict(context.invocation_metadata() or ())


class NotUnaryError(Exception):
    """A streaming method was served through the gate, which knows unary ones only."""


def _of_peer(error: grpc.aio.AioRpcError) -> DomainError:
    """A peer's failure that no handler has translated: an outage, or a bug between us and it."""
    if error.code() in _OUTAGES:
        return unavailable("A service that we need cannot be reached. Try again.")
    return _internal()


def _internal() -> DomainError:
    """Says nothing but where to look."""
    return DomainError("INTERNAL", INTERNAL_TEXT, metadata={"trace_id": current().trace_id})


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: DomainError) -> NoReturn:
    """Ends the call with the error's status and details; its line says the reason."""
    note(reason=error.reason)
    details = to_status(error).SerializeToString()
    metadata = (*(context.trailing_metadata() or ()), (STATUS_DETAILS_KEY, details))
    await context.abort(error.status, error.message, metadata)


def missing_fields(request: Message, path: str = "") -> list[Violation]:
    """A violation for each field that is annotated REQUIRED and has its default, at any depth."""
    violations = []
    for field in _required(request.DESCRIPTOR):
        if not _is_set(request, field):
            violations.append(Violation(field=path + field.name, description="is required"))
    for field in _messages(request.DESCRIPTOR):
        if field.is_repeated:
            children = enumerate(getattr(request, field.name))
            for index, child in children:
                violations += missing_fields(child, f"{path}{field.name}[{index}].")
        elif request.HasField(field.name):
            violations += missing_fields(getattr(request, field.name), f"{path}{field.name}.")
    return violations


def _is_set(request: Message, field: FieldDescriptor) -> bool:
    if field.has_presence:
        return request.HasField(field.name)
    return bool(getattr(request, field.name))


@cache
def _required(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    def is_required(field: FieldDescriptor) -> bool:
        behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        return field_behavior_pb2.REQUIRED in behaviours

    return tuple(field for field in descriptor.fields if is_required(field))


@cache
def _messages(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Fields that hold messages of ours, which may have required fields in turn."""
    return tuple(
        field
        for field in descriptor.fields
        if field.message_type is not None
        and field.message_type.full_name.startswith("waybill.")
        and not field.message_type.GetOptions().map_entry
    )
