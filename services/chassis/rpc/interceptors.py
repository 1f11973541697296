"""Own interceptors for grpc.aio: one span and one line for each call, on both sides.

The public instrumentation swallows cancellation, loses the client's span of a cancelled call, and
reports uncaught errors and exceeded deadlines as OK. `tests/rpc/chassis/test_interceptors.py` holds
the six cases (ok, raise, abort, set_code, deadline, cancel) on both sides.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from opentelemetry import trace as otel
from opentelemetry.trace import SpanKind, Status, StatusCode

from services.chassis.errors import from_call
from services.chassis.rpc.attributes import GRPC, RPC_METHOD, RPC_STATUS, RPC_SYSTEM
from services.chassis.telemetry import Work, work
from services.chassis.telemetry.harmless import harmless
from services.chassis.trace import Start, from_otel, parse

# A peer's clock starts when our bytes arrive; 20 ms let the caller hear about a timeout further
# down instead of timing out with it.
DEADLINE_SHAVE_SECONDS: Final = 0.02
# How callers get to know the trace: in the initial metadata of an answer, in the trailing metadata
# of an error, which would else be no trailers-only answer and could not be retried.
TRACE_ID_KEY: Final = "x-waybill-trace-id"
QUIET_METHODS: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.")

MALFORMED_TEXT: Final = "The request cannot be read: its bytes are not a message of its type."
# By a sign in the parser's text.
MALFORMED_TEXTS: Final = {
    "UTF-8": "The request cannot be read: every text in it must be UTF-8.",
    "MaxDepth": "The request cannot be read: it is nested too deep, more than 100 messages in all.",
}
Handler = Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Malformed:
    """Stands for a request that is not a message of its type; `text` tells the caller why."""

    text: str


def wrap_unary(handler: "grpc.RpcMethodHandler[Any, Any]", inner: Handler) -> Any:
    """The same method handler around another behaviour, which may be called with Malformed."""
    return grpc.unary_unary_rpc_method_handler(
        inner,
        request_deserializer=_lenient(handler.request_deserializer),
        response_serializer=handler.response_serializer,
    )


def _lenient(parse_request: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """gRPC answers a failed parse before any handler, with the parser's own name in the text."""
    if parse_request is None:
        return None

    def parsed(data: bytes) -> Any:
        try:
            return parse_request(data)
        except DecodeError as error:
            return Malformed(_told(str(error)))

    return parsed


def _told(parser_text: str) -> str:
    """What a caller is told; the parser's own words name types and options of its own."""
    for sign, text in MALFORMED_TEXTS.items():
        if sign in parser_text:
            return text
    return MALFORMED_TEXT


def is_quiet(method: str) -> bool:
    """Whether the method is infrastructure's own (health, reflection)."""
    return method.startswith(QUIET_METHODS)


class ServerTelemetry(grpc.aio.ServerInterceptor):
    """A span and a canonical line for each call, and the count of handlers that still run.

    A caller's traceparent becomes our parent where `trusts_parent` is true of its metadata, as
    between services; that of a caller outside the edge becomes a link.
    """

    def __init__(self, trusts_parent: Callable[[dict[str, Any]], bool] = lambda _: True) -> None:
        self._trusts_parent = trusts_parent
        self.begun = 0
        """How many calls have begun."""
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Returns when no handler runs; `server.stop` alone does not wait for them."""
        await self._idle.wait()

    async def intercept_service(
        self,
        continuation: Callable[..., Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        if handler is None or handler.unary_unary is None or is_quiet(method):
            return handler
        metadata = dict(handler_call_details.invocation_metadata or ())
        start = self._start(metadata)

        async def behaviour(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            self._enter()
            try:
                with work("rpc", method, start=start, span_kind=SpanKind.SERVER) as unit:
                    _name_rpc(unit, method)
                    context.set_trailing_metadata(((TRACE_ID_KEY, unit.trace.trace_id),))
                    return await _observed(handler.unary_unary, request, context, unit)
            finally:
                self._leave()

        return wrap_unary(handler, behaviour)

    def _start(self, metadata: dict[str, Any]) -> Start:
        caller = parse(metadata.get("traceparent"), metadata.get("tracestate"))
        if caller is None:
            return Start(parent=None)
        if self._trusts_parent(metadata):
            return Start(parent=caller)
        return Start(parent=None, links=(caller,))

    def _enter(self) -> None:
        self.begun += 1
        self._running += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._running -= 1
        if self._running == 0:
            self._idle.set()


async def _observed(
    behaviour: Handler, request: Any, context: grpc.aio.ServicerContext[Any, Any], unit: Work
) -> Any:
    try:
        response = await behaviour(request, context)
    except asyncio.CancelledError:
        remaining = context.time_remaining()
        # Our clock started when the caller's bytes arrived, so it may end a little after theirs.
        over = remaining is not None and remaining <= DEADLINE_SHAVE_SECONDS
        _end(unit, "DEADLINE_EXCEEDED" if over else "CANCELLED")
        raise
    except grpc.aio.AbortError:
        _end(unit, code_name(context.code()))
        raise
    except Exception:
        _end(unit, "UNKNOWN")
        raise
    code = code_name(context.code())
    _end(unit, code)
    if code == "OK":
        # A caller that is gone, or a handler that has sent them, must not turn it into an error.
        with harmless("metadata"):
            await context.send_initial_metadata(((TRACE_ID_KEY, unit.trace.trace_id),))
    return response


def _name_rpc(unit: Work, method: str) -> None:
    unit.span.set_attributes({RPC_SYSTEM: GRPC, RPC_METHOD: method.removeprefix("/")})


def _end(unit: Work, code: str) -> None:
    """Writes how the call ended to its line and its span; a code that was set is a failure too."""
    unit.outcome = code
    unit.span.set_attribute(RPC_STATUS, code)
    if code != "OK":
        unit.span.set_status(Status(StatusCode.ERROR, code))


def code_name(code: Any) -> str:
    """The code's name; grpc.aio gives 0 or None where nothing was set, an int where one was."""
    if isinstance(code, grpc.StatusCode):
        return code.name
    if not code:
        return "OK"
    return next((status.name for status in grpc.StatusCode if status.value[0] == code), "UNKNOWN")


class ClientTelemetry(grpc.aio.UnaryUnaryClientInterceptor):
    """A span for each call, our trace and token in its metadata, and a deadline that fits.

    The deadline is the call's own or what is left of the one we were called with, whichever is
    shorter. A cancelled caller cancels the call, so that no work goes on unread.
    """

    def __init__(self, token: Callable[[], str], time_left: Callable[[], float | None]) -> None:
        self._token = token
        self._time_left = time_left

    async def intercept_unary_unary(
        self,
        continuation: Callable[..., Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        method = client_call_details.method
        name = method.decode() if isinstance(method, bytes) else str(method)
        with work("call", name, span_kind=SpanKind.CLIENT) as unit:
            _name_rpc(unit, name)
            call = await continuation(self._details(client_call_details), request)
            try:
                await call
            except asyncio.CancelledError:
                call.cancel()
                _end(unit, "CANCELLED")
                raise
            except grpc.aio.AioRpcError as error:
                _end(unit, error.code().name)
                with harmless("reason"):
                    if refusal := from_call(error):
                        unit.note(reason=refusal.reason)
                raise
            _end(unit, code_name(await call.code()))
            return call

    def _details(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        metadata.add("authorization", f"Bearer {self._token()}")
        here = from_otel(otel.get_current_span().get_span_context())
        metadata.add("traceparent", here.traceparent)
        if here.tracestate:
            metadata.add("tracestate", here.tracestate)
        timeouts = [left for left in (details.timeout, self._time_left()) if left is not None]
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=min(timeouts, default=None),
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )


def deadline_left(deadline: float | None) -> float | None:
    """Seconds that a call further down may take, by the monotonic clock; None where unbounded."""
    if deadline is None:
        return None
    return max(deadline - time.monotonic() - DEADLINE_SHAVE_SECONDS, 0.001)
