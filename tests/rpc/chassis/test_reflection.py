"""Reflection: what a service tells of itself, and of all others through the edge."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from services.chassis.rpc.edge import EDGE_MARK, FROM_GRPC
from services.chassis.rpc.reflection import REFLECTED_KEY, REFLECTION_NAMES
from tests.rpc.callers import bearing
from tests.rpc.chassis.served import Door, RefusedCall, door

LIST = ServerReflectionRequest(list_services="*")
SERVED = ("waybill.routing.v1.RoutingService", "waybill.sync.v1.SyncService")
BY_EDGE = ((EDGE_MARK, FROM_GRPC), (REFLECTED_KEY, ",".join(SERVED)))


def called(channel: grpc.aio.Channel, name: str, metadata: Any = ()) -> Any:
    """An open stream to the reflection service of that name."""
    stream: Any = channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    return stream(metadata=metadata, timeout=20)


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[tuple[Door, grpc.aio.Channel]]:
    """A server and a channel to it."""
    async with door(folder) as opened, grpc.aio.insecure_channel(opened.target) as channel:
        yield opened, channel


async def told(call: Any, request: ServerReflectionRequest) -> Any:
    """The answer to one question."""
    await call.write(request)
    return await call.read()


async def names(call: Any) -> list[str]:
    """The services that there are."""
    answer = await told(call, LIST)
    return [service.name for service in answer.list_services_response.service]


async def described(call: Any, symbol: str) -> set[str]:
    """The names of the files that describe a symbol."""
    answer = await told(call, ServerReflectionRequest(file_containing_symbol=symbol))
    files = answer.file_descriptor_response.file_descriptor_proto
    return {descriptor_pb2.FileDescriptorProto.FromString(data).name for data in files}


@pytest.mark.parametrize("version", REFLECTION_NAMES)
async def test_a_service_tells_of_itself_in_both_versions_without_a_token(
    tmp_path: Path, version: str
) -> None:
    async with asking(tmp_path) as (_, channel):
        call = called(channel, version)
        assert await names(call) == sorted(
            ["grpc.health.v1.Health", "waybill.routing.v1.RoutingService", *REFLECTION_NAMES]
        )
        assert "waybill/routing/v1/routing_service.proto" in await described(call, SERVED[0])
        file = f"grpc_reflection/{version.split('.')[2]}/reflection.proto"
        assert file in await described(call, version)
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("version", REFLECTION_NAMES)
async def test_through_the_edge_a_service_tells_of_all_that_the_edge_serves(
    tmp_path: Path, version: str
) -> None:
    async with asking(tmp_path) as (opened, channel):
        token = bearing(opened.signer.service("operator"))
        call = called(channel, version, (*BY_EDGE, *token))
        assert await names(call) == sorted([*SERVED, *REFLECTION_NAMES])
        assert "waybill/routing/v1/routing_service.proto" in await described(call, SERVED[0])
        assert "waybill/sync/v1/sync_service.proto" in await described(call, SERVED[1])
        call.cancel()


async def test_through_the_edge_reflection_needs_a_services_token(tmp_path: Path) -> None:
    async with asking(tmp_path) as (opened, channel):
        for token, reason in ((opened.tenant, "METHOD_NOT_ALLOWED"), ("none", "TOKEN_REFUSED")):
            call = called(channel, REFLECTION_NAMES[0], (*BY_EDGE, *bearing(token)))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call.read()
            assert RefusedCall.of(refused.value).reason == reason


async def test_who_keeps_its_stream_open_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        channel = grpc.aio.insecure_channel(opened.target)
        call = called(channel, REFLECTION_NAMES[0])
        await names(call)
        ended = asyncio.create_task(call.read())
    # A stop that waits ends the stream too, but as cancelled and after its grace.
    assert await ended is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK
    await channel.close()


async def test_an_unknown_method_of_a_service_is_unimplemented_with_its_reason(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path) as (_, channel):
        for method in ("/waybill.routing.v1.RoutingService/Guess", "/x/y"):
            call: Any = channel.stream_stream(method)(timeout=20)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call.read()
            refusal = RefusedCall.of(refused.value)
            assert (refusal.code, refusal.reason) == ("UNIMPLEMENTED", "METHOD_UNKNOWN")
            assert refusal.info is not None
            assert refusal.info.metadata == {"method": method}
