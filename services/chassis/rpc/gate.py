"""What every call passes before its handler: a deadline, a caller, permission, required fields.

On the way out a `DomainError` becomes a gRPC status with details; anything else becomes INTERNAL
with a fixed text, and stands in the log with its trace.
"""

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final, NoReturn

import grpc
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
from services.chassis.known_violations import refuse_known, set_known_violations, with_known
from services.chassis.rpc.auth import NOT_LISTED, AccessTable, TokenVerifier, set_caller
from services.chassis.rpc.edge import came_as_json
from services.chassis.rpc.interceptors import Malformed, deadline_left, is_quiet, wrap_unary
from services.chassis.rpc.json_names import in_json_names
from services.chassis.rpc.numbers import unwritable_numbers
from services.chassis.rpc.pagination import page_size_violations
from services.chassis.rpc.request_bounds import missing_fields, too_much
from services.chassis.rpc.request_ids import request_id_violations
from services.chassis.rpc.too_large import is_too_large
from services.chassis.telemetry import log, note
from services.chassis.trace import current

_OUTAGES: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
)
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
        if handler is None:
            return _unknown(method)
        if is_quiet(method):
            return handler
        if handler.unary_unary is None:
            raise NotUnaryError(method)

        async def behaviour(
            request: Message | Malformed, context: grpc.aio.ServicerContext[Any, Any]
        ) -> Any:
            try:
                self._admit(method, request, context)
                response = await handler.unary_unary(request, context)
                refuse_known()
                return response
            except DomainError as error:
                refusal = with_known(error)
                await abort(context, _in_callers_names(refusal, request, context))
            except grpc.aio.AbortError:
                raise
            except grpc.aio.AioRpcError as error:
                log.error("a peer failed", method=method, code=error.code().name)
                await abort(context, with_known(_of_peer(error)))
            except Exception as error:
                log.error("uncaught", method=method, error=type(error).__name__, exc_info=True)
                await abort(context, with_known(_internal()))

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
            raise DomainError("INVALID_REQUEST", request.text)
        if violations := too_much(request):
            raise invalid(*violations)
        set_known_violations(_violations_of_any(request))


def _violations_of_any(request: Message) -> list[Violation]:
    """What can be wrong with a request of any RPC."""
    return [
        *missing_fields(request),
        *unwritable_numbers(request),
        *request_id_violations(request),
        *page_size_violations(request),
    ]


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


def _unknown(method: str) -> "grpc.RpcMethodHandler[Any, Any]":
    """Refuses at once, also whoever would stream."""

    async def refuse(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        text = f"No method {method} is served here."
        await abort(context, DomainError("METHOD_UNKNOWN", text, metadata={"method": method}))

    handler: Any = grpc.stream_stream_rpc_method_handler(refuse)
    return handler  # type: ignore[no-any-return]


def _of_peer(error: grpc.aio.AioRpcError) -> DomainError:
    """A peer's failure that no handler has translated: an outage, or a bug between us and it."""
    if error.code() in _OUTAGES and not is_too_large(error):
        return unavailable("A service that we need cannot be reached. Try again.")
    return _internal()


def _internal() -> DomainError:
    """Says nothing but where to look."""
    return DomainError("INTERNAL", INTERNAL_TEXT, metadata={"trace_id": current().trace_id})


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: DomainError) -> NoReturn:
    """Ends the call with the error's status and details; its line says the reason."""
    note(reason=error.reason)
    status = to_status(error)
    details = (STATUS_DETAILS_KEY, status.SerializeToString())
    metadata = (*(context.trailing_metadata() or ()), details)
    await context.abort(error.status, status.message, metadata)
