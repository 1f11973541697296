"""gRPC's own words for what is too large, asked of gRPC itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from services.chassis.errors import STATUS_BYTES_MAX
from services.chassis.rpc.too_large import is_too_large

OPTIONS = [("grpc.max_receive_message_length", 50_000)]
RUNNING, RELEASE = asyncio.Event(), asyncio.Event()


async def answer(request: bytes, context: Any) -> bytes:
    """Answers with as much as the request says, where it says."""
    where, size = request.split()[:2]
    text = "a" * int(size)
    match where:
        case b"initial":
            await context.send_initial_metadata((("x", text),))
        case b"trailing":
            context.set_trailing_metadata((("x", text),))
        case b"details":
            details = (("x-bin", text.encode()),)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad", details)
        case b"text":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        case b"hold":
            RUNNING.set()
            await RELEASE.wait()
        case b"message":
            return text.encode()
    return b""


@asynccontextmanager
async def served(calls_max: int | None = None) -> AsyncIterator[Any]:
    server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=calls_max)
    handler: Any = grpc.unary_unary_rpc_method_handler(answer)
    generic = grpc.method_handlers_generic_handler("test.Sizes", {"Answer": handler})
    server.add_generic_rpc_handlers((generic,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
        yield channel.unary_unary("/test.Sizes/Answer")
    await server.stop(None)


async def failure(call: Any, request: bytes, **more: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(request, timeout=10, **more)
    return failed.value


@pytest.mark.parametrize("where", ["initial", "trailing", "details", "text"])
async def test_metadata_that_is_too_large_is_told_from_a_server_that_sheds_load(where: str) -> None:
    async with served() as call:
        error = await failure(call, f"{where} 20000".encode())
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert is_too_large(error)


async def test_so_are_messages_and_the_metadata_of_a_request() -> None:
    async with served() as call:
        answered = await failure(call, b"message 60000")
        asked = await failure(call, b"message 1 " + b"a" * 60_000)
        headed = await failure(call, b"message 1", metadata=(("x", "a" * 20_000),))
    assert is_too_large(answered)
    assert is_too_large(asked)
    assert is_too_large(headed)


async def test_a_server_that_sheds_load_is_not() -> None:
    async with served(calls_max=1) as call:
        held = asyncio.ensure_future(call(b"hold 1", timeout=60))
        await asyncio.wait_for(RUNNING.wait(), 5)
        error = await failure(call, b"message 1")
        RELEASE.set()
        await held
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not is_too_large(error)


async def test_a_status_of_ours_always_arrives() -> None:
    """From 8 KiB on gRPC refuses some answers by chance, so it is asked often."""
    async with served() as call:
        headers = 32 * 6 + 200
        for _ in range(100):
            error = await failure(call, f"details {(STATUS_BYTES_MAX - headers) * 3 // 4}".encode())
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
