"""The six ways a call can end, over a real channel: one span and one line on each side, no lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from services.chassis.errors import not_found
from services.chassis.rpc.attributes import RPC_METHOD, RPC_STATUS, RPC_SYSTEM
from services.chassis.rpc.gate import abort
from services.chassis.rpc.interceptors import (
    TRACE_ID_KEY,
    ClientTelemetry,
    ServerTelemetry,
    code_name,
)
from services.chassis.telemetry import span
from services.chassis.trace import Start, new_root
from tests.rpc.chassis.recording import Recording, recording
from waybill.ingest.v1.ingest_service_pb2 import GetLeadRequest, GetLeadResponse
from waybill.ingest.v1.ingest_service_pb2_grpc import (
    IngestServiceServicer,
    IngestServiceStub,
    add_IngestServiceServicer_to_server,
)

METHOD = "/waybill.ingest.v1.IngestService/GetLead"
SECRET = "ada.lovelace@example.com"

Behaviour = Callable[[GetLeadRequest, Any], Awaitable[GetLeadResponse]]


class Scripted(IngestServiceServicer):
    """Answers GetLead as the test says."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def GetLead(self, request: GetLeadRequest, context: Any) -> GetLeadResponse:
        return await self._behaviour(request, context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A stub on a real channel to a real server, and what telemetry says of its calls."""

    target: str
    stub: Any
    telemetry: ServerTelemetry
    said: Recording

    async def ended(self, call: Awaitable[Any]) -> str:
        """The code that the caller sees, once both sides are done."""
        try:
            await call
            code = "OK"
        except grpc.aio.AioRpcError as error:
            code = error.code().name
        await self.telemetry.idle()
        return code


@asynccontextmanager
async def wired(behaviour: Behaviour, **options: Any) -> AsyncIterator[Wire]:
    with recording() as said:
        telemetry = ServerTelemetry(**options)
        server = grpc.aio.server(interceptors=[telemetry])
        scripted = Scripted(behaviour)  # type: ignore[abstract]
        add_IngestServiceServicer_to_server(scripted, server)
        target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        client = ClientTelemetry(lambda: "a token", lambda: None)
        async with grpc.aio.insecure_channel(target, interceptors=[client]) as channel:
            stub = IngestServiceStub(channel)
            yield Wire(target=target, stub=stub, telemetry=telemetry, said=said)
        await server.stop(None)


def assert_told(said: Recording, code: str) -> None:
    """Both sides have one line and one span, and all four say how the call ended."""
    assert said.line("rpc")["outcome"] == code
    assert said.line("call")["outcome"] == code
    for kind in (SpanKind.SERVER, SpanKind.CLIENT):
        ended = said.span(kind)
        assert ended.attributes is not None
        assert ended.attributes[RPC_SYSTEM] == "grpc"
        assert ended.attributes[RPC_METHOD] == METHOD.removeprefix("/")
        assert ended.attributes[RPC_STATUS] == code
        expected = StatusCode.UNSET if code == "OK" else StatusCode.ERROR
        assert ended.status.status_code is expected
        assert ended.end_time is not None
    assert SECRET not in said.everything()


async def test_ok_is_told_as_ok_and_the_server_is_the_callers_child() -> None:
    async def answer(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        return GetLeadResponse()

    async with wired(answer) as wire:
        assert await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5)) == "OK"
        assert_told(wire.said, "OK")
        client, server = wire.said.span(SpanKind.CLIENT), wire.said.span(SpanKind.SERVER)
        assert server.parent is not None
        assert server.parent.span_id == client.context.span_id
        assert wire.said.line("rpc")["trace_id"] == wire.said.line("call")["trace_id"]


async def test_an_uncaught_error_is_told_as_unknown_without_its_text() -> None:
    async def fail(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        raise ValueError(SECRET)

    async with wired(fail) as wire:
        assert await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5)) == "UNKNOWN"
        assert_told(wire.said, "UNKNOWN")


async def test_metadata_that_cannot_be_sent_any_more_turns_no_answer_into_an_error() -> None:
    async def answer(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        await context.send_initial_metadata((("own", "metadata"),))
        return GetLeadResponse()

    async with wired(answer) as wire:
        assert await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5)) == "OK"
        assert_told(wire.said, "OK")


async def test_the_callers_line_has_the_reason_of_a_refusal() -> None:
    async def refuse(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        await abort(context, not_found("lead", 1))
        raise AssertionError("abort returns")

    async with wired(refuse) as wire:
        assert await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5)) == "NOT_FOUND"
        assert wire.said.line("call")["reason"] == "LEAD_NOT_FOUND"
        assert wire.said.line("rpc")["reason"] == "LEAD_NOT_FOUND"


async def test_an_abort_is_told_with_its_code() -> None:
    async def refuse(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        await context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        raise AssertionError("abort returns")

    async with wired(refuse) as wire:
        assert await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5)) == "NOT_FOUND"
        assert_told(wire.said, "NOT_FOUND")


async def test_a_code_that_was_only_set_is_told_as_the_failure_it_is() -> None:
    async def refuse(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        context.set_code(grpc.StatusCode.FAILED_PRECONDITION)
        return GetLeadResponse()

    async with wired(refuse) as wire:
        code = await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5))
        assert code == "FAILED_PRECONDITION"
        assert_told(wire.said, "FAILED_PRECONDITION")


async def test_an_exceeded_deadline_reaches_the_handler_and_is_told_by_both() -> None:
    cancelled = asyncio.Event()

    async def never(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError("nothing sets it")

    async with wired(never) as wire:
        code = await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=0.2))
        assert code == "DEADLINE_EXCEEDED"
        await asyncio.wait_for(cancelled.wait(), 5)
        await wire.telemetry.idle()
        assert_told(wire.said, "DEADLINE_EXCEEDED")


async def test_a_cancelled_caller_cancels_the_handler_and_both_tell_it() -> None:
    running, cancelled = asyncio.Event(), asyncio.Event()

    async def never(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        running.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError("nothing sets it")

    async def caller(stub: Any) -> None:
        await stub.GetLead(GetLeadRequest(), timeout=30)

    async with wired(never) as wire:
        task = asyncio.create_task(caller(wire.stub))
        await asyncio.wait_for(running.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(cancelled.wait(), 5)
        await wire.telemetry.idle()
        assert_told(wire.said, "CANCELLED")


async def test_the_work_of_a_handler_stands_in_the_callers_trace() -> None:
    async def answer(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        with span("inside"):
            return GetLeadResponse()

    async with wired(answer) as wire:
        origin = new_root(sampled=True)
        with span("outside", start=Start(parent=origin)):
            assert await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5)) == "OK"
        traces = {each.context.trace_id for each in wire.said.exporter.get_finished_spans()}
        assert traces == {int(origin.trace_id, 16)}


async def test_a_trace_from_outside_becomes_a_link_and_not_our_parent() -> None:
    async def answer(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        return GetLeadResponse()

    async with wired(answer, trusts_parent=lambda _: False) as wire:
        assert await wire.ended(wire.stub.GetLead(GetLeadRequest(), timeout=5)) == "OK"
        client, server = wire.said.span(SpanKind.CLIENT), wire.said.span(SpanKind.SERVER)
        assert server.parent is None
        assert [link.context.trace_id for link in server.links] == [client.context.trace_id]
        assert server.context.trace_id != client.context.trace_id


async def test_a_malformed_trace_starts_a_new_one() -> None:
    async def answer(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        return GetLeadResponse()

    async with wired(answer) as wire:
        metadata = (("traceparent", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"),)
        async with grpc.aio.insecure_channel(wire.target) as plain:
            call = IngestServiceStub(plain).GetLead(GetLeadRequest(), timeout=5, metadata=metadata)
            await wire.ended(call)
        assert wire.said.span(SpanKind.SERVER).parent is None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (None, "OK"),
        (0, "OK"),
        (5, "NOT_FOUND"),
        (grpc.StatusCode.ABORTED, "ABORTED"),
        (99, "UNKNOWN"),
    ],
)
def test_every_form_of_a_code_has_a_name(code: Any, name: str) -> None:
    assert code_name(code) == name


async def test_an_answer_carries_its_trace_id_and_so_does_an_error() -> None:
    async def answer(request: GetLeadRequest, context: Any) -> GetLeadResponse:
        if request.lead_id:
            await context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        return GetLeadResponse()

    async with wired(answer) as wire:
        call = wire.stub.GetLead(GetLeadRequest(), timeout=5)
        metadata = dict(await call.initial_metadata())
        assert metadata[TRACE_ID_KEY] == wire.said.line("rpc")["trace_id"]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await wire.stub.GetLead(GetLeadRequest(lead_id="7"), timeout=5)
        await wire.telemetry.idle()
        lines = [line for line in wire.said.lines if line.get("kind") == "rpc"]
        trailing = dict(refused.value.trailing_metadata())
        assert trailing[TRACE_ID_KEY] == lines[-1]["trace_id"]
