"""Deadlines, retries, shedding, draining and health of the real server and client."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import _cython
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.errors import unavailable
from services.chassis.rpc.client import CHANNEL_OPTIONS, connected
from services.chassis.rpc.gate import time_left
from services.chassis.rpc.interceptors import DEADLINE_SHAVE_SECONDS, ClientTelemetry, deadline_left
from services.chassis.rpc.server import SERVER_OPTIONS
from tests.rpc.callers import Signer
from tests.rpc.chassis.served import config_in, door
from waybill.routing.v1.routing_service_pb2 import ListRulesRequest, ListRulesResponse
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub

RULES = ListRulesRequest()


async def test_a_handler_leaves_its_caller_20_ms(tmp_path: Path) -> None:
    shaved: list[float] = []

    async def answer(request: Any, context: Any) -> ListRulesResponse:
        # On the wire a deadline is rounded up by as much as a hundredth of it.
        remaining = context.time_remaining()
        left = time_left()
        assert left is not None
        shaved.append(remaining - left)
        return ListRulesResponse()

    async with door(tmp_path, answer) as opened:
        await opened.call(seconds=10)
    assert DEADLINE_SHAVE_SECONDS / 2 < shaved[0] < 5
    assert time_left() is None


def test_a_deadline_that_has_passed_leaves_next_to_nothing_but_not_for_ever() -> None:
    assert deadline_left(0) == 0.001
    assert deadline_left(None) is None


async def test_a_call_further_down_has_the_deadline_of_the_call_above(tmp_path: Path) -> None:
    above: list[float] = []
    below: list[float] = []

    async def inner(request: Any, context: Any) -> ListRulesResponse:
        below.append(context.time_remaining())
        return ListRulesResponse()

    for name in ("inner", "between", "outer"):
        (tmp_path / name).mkdir()
    async with door(tmp_path / "inner", inner) as down:
        config = config_in(tmp_path / "between", down.signer)
        config.token_file.write_text(down.tenant)
        async with connected(down.target, RoutingServiceStub, config) as peer:

            async def outer(request: Any, context: Any) -> ListRulesResponse:
                above.append(context.time_remaining())
                response: ListRulesResponse = await peer.ListRules(RULES, timeout=60)
                return response

            async with door(tmp_path / "outer", outer) as up:
                await up.call(seconds=8)
    # gRPC rounds what is left up by at most 10 ms.
    assert below[0] <= above[0] - DEADLINE_SHAVE_SECONDS + 0.01


async def test_of_two_deadlines_the_shorter_one_counts(tmp_path: Path) -> None:
    seen: list[float] = []

    async def answer(request: Any, context: Any) -> ListRulesResponse:
        seen.append(context.time_remaining())
        return ListRulesResponse()

    async with door(tmp_path, answer) as opened:
        for own, above in ((60.0, 4.0), (4.0, 60.0), (None, 4.0)):
            client = ClientTelemetry(lambda: opened.tenant, lambda left=above: left)  # type: ignore[misc]
            async with grpc.aio.insecure_channel(opened.target, interceptors=[client]) as channel:
                await RoutingServiceStub(channel).ListRules(RULES, timeout=own)
    assert all(2 < each <= 4.01 for each in seen), seen


async def test_an_unavailable_peer_is_tried_again_and_the_server_can_tell(tmp_path: Path) -> None:
    attempts: list[str] = []

    async def busy_twice(request: Any, context: Any) -> ListRulesResponse:
        metadata = dict(context.invocation_metadata())
        attempts.append(metadata.get("grpc-previous-rpc-attempts", "0"))
        if len(attempts) < 3:
            raise unavailable("Not yet.")
        return ListRulesResponse()

    async with door(tmp_path, busy_twice) as opened:
        opened.config.token_file.write_text(opened.tenant)
        async with connected(opened.target, RoutingServiceStub, opened.config) as peer:
            await peer.ListRules(RULES, timeout=10)
    assert attempts == ["0", "1", "2"]


async def test_other_failures_are_not_tried_again(tmp_path: Path) -> None:
    calls: list[None] = []

    async def fail(request: Any, context: Any) -> ListRulesResponse:
        calls.append(None)
        raise ValueError

    async with door(tmp_path, fail) as opened:
        opened.config.token_file.write_text(opened.tenant)
        async with connected(opened.target, RoutingServiceStub, opened.config) as peer:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await peer.ListRules(RULES, timeout=10)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert len(calls) == 1


async def test_a_renewed_token_is_sent_without_a_restart(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        opened.config.token_file.write_text(Signer().tenant(opened.org_id))
        async with connected(opened.target, RoutingServiceStub, opened.config) as peer:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await peer.ListRules(RULES, timeout=10)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            opened.config.token_file.write_text(opened.tenant)
            await peer.ListRules(RULES, timeout=10)


async def test_more_calls_than_the_server_may_hold_are_shed(tmp_path: Path) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    async def wait(request: Any, context: Any) -> ListRulesResponse:
        running.set()
        await release.wait()
        return ListRulesResponse()

    async with door(tmp_path, wait, concurrent_rpcs_max=1) as opened:
        first = opened.calling()
        await asyncio.wait_for(running.wait(), 5)
        refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert refusal.code == "RESOURCE_EXHAUSTED"
        release.set()
        await first


async def test_a_drain_waits_for_running_handlers_and_takes_no_new_calls(tmp_path: Path) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    async def wait(request: Any, context: Any) -> ListRulesResponse:
        running.set()
        await release.wait()
        return ListRulesResponse()

    async with door(tmp_path, wait) as opened:
        call = opened.calling(seconds=20)
        await asyncio.wait_for(running.wait(), 5)
        draining = asyncio.create_task(opened.server.drain(10))
        refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        while refusal.code != "UNAVAILABLE":
            refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert not draining.done()
        release.set()
        assert await call == ListRulesResponse()
        await asyncio.wait_for(draining, 5)


async def test_a_drain_waits_for_the_clean_up_of_a_cancelled_handler(tmp_path: Path) -> None:
    running, cleaning, release = asyncio.Event(), asyncio.Event(), asyncio.Event()
    cleaned = asyncio.Event()

    async def clean_up(request: Any, context: Any) -> ListRulesResponse:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await release.wait()
            cleaned.set()
        raise AssertionError("nothing sets it")

    async with door(tmp_path, clean_up) as opened:
        call = opened.calling()
        await asyncio.wait_for(running.wait(), 5)
        call.cancel()
        await asyncio.wait_for(cleaning.wait(), 5)
        draining = asyncio.create_task(opened.server.drain(10))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not draining.done()
        release.set()
        await asyncio.wait_for(draining, 5)
        assert cleaned.is_set()


async def test_a_drain_ends_though_a_handler_does_not(tmp_path: Path) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    async def stuck(request: Any, context: Any) -> ListRulesResponse:
        running.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return ListRulesResponse()

    async with door(tmp_path, stuck) as opened:
        call = opened.calling()
        await asyncio.wait_for(running.wait(), 5)
        await asyncio.wait_for(opened.server.drain(0.1), 5)
        release.set()
        with pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_health_answers_without_token_and_says_when_it_drains(tmp_path: Path) -> None:
    async with (
        door(tmp_path) as opened,
        grpc.aio.insecure_channel(opened.target) as channel,
    ):
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", "waybill.routing.v1.RoutingService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest(service=""))
        seen = [await watch.read()]
        draining = asyncio.create_task(opened.server.drain(5))
        seen.append(await watch.read())
        watch.cancel()
        await draining
    expected = [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
    assert [each.status for each in seen] == expected


def test_every_option_of_server_and_channel_is_one_that_grpc_knows() -> None:
    library = next(Path(_cython.__file__).parent.glob("cygrpc*.so")).read_bytes()
    for name, _ in (*SERVER_OPTIONS, *CHANNEL_OPTIONS):
        # The library's strings end with a zero; what it does not know it ignores without a word.
        assert name.encode() + b"\0" in library, name


async def test_an_idle_peer_may_ping_every_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intervals = {"grpc.http2.min_ping_interval_without_data_ms": 10}
    options = [(name, intervals.get(name, value)) for name, value in SERVER_OPTIONS]
    monkeypatch.setattr("services.chassis.rpc.server.SERVER_OPTIONS", options)
    async with door(tmp_path) as opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", opened.server.port)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kind=4))
        for number in range(5):
            await asyncio.sleep(0.02)
            writer.write(frame(kind=6, payload=number.to_bytes(8)))
            assert await answered(reader) == number
        writer.close()
        await writer.wait_closed()


def frame(*, kind: int, payload: bytes = b"") -> bytes:
    """An HTTP/2 frame of the connection: 4 is SETTINGS, 6 PING (RFC 9113, section 6)."""
    return len(payload).to_bytes(3) + bytes([kind, 0]) + bytes(4) + payload


async def answered(reader: asyncio.StreamReader) -> int:
    """The number in the next answer to a ping; fails where the server says GOAWAY."""
    while True:
        head = await asyncio.wait_for(reader.readexactly(9), 5)
        payload = await reader.readexactly(int.from_bytes(head[:3]))
        assert head[3] != 7, payload
        if (head[3], head[4]) == (6, 1):
            return int.from_bytes(payload)
