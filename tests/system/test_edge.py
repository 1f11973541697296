"""The edge of a local run: what grpcurl, old clients and curious callers find there."""

import asyncio
import json
import math
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.struct_pb2 import Struct
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)
from grpc_status import rpc_status

from deploy.local.sample_customer import Customer, RefusedError
from deploy.local.stack import HOST, TRANSCODED, Stack
from services.chassis.rpc.reflection import REFLECTION_NAMES
from waybill.scheduling.v1.scheduling_service_pb2 import BookAppointmentRequest
from waybill.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub


@pytest.mark.parametrize("name", REFLECTION_NAMES)
async def test_reflection_tells_of_all_five_services(stack: Stack, name: str) -> None:
    token = stack.keys.service_token("operator")
    async with grpc.aio.insecure_channel(stack.edge_url.removeprefix("http://")) as channel:
        stream: Any = channel.stream_stream(
            f"/{name}/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        call = stream(metadata=(("authorization", f"Bearer {token}"),), timeout=20)
        await call.write(ServerReflectionRequest(list_services="*"))
        listed = (await call.read()).list_services_response.service
        assert {each.name for each in listed} == {*TRANSCODED.values(), *REFLECTION_NAMES}
        for service in TRANSCODED.values():
            await call.write(ServerReflectionRequest(file_containing_symbol=service))
            files = (await call.read()).file_descriptor_response.file_descriptor_proto
            assert service in described(files)
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK


def described(files: list[bytes]) -> set[str]:
    """The full names of the services that the files define."""
    protos = map(descriptor_pb2.FileDescriptorProto.FromString, files)
    return {f"{file.package}.{service.name}" for file in protos for service in file.service}


async def test_a_health_checker_of_http_1_0_is_answered(stack: Stack) -> None:
    host, _, port = stack.edge_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/health HTTP/1.0\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert (head.split()[1], json.loads(body)) == (b"200", {"status": "ready"})


async def test_only_the_sandbox_of_loopback_can_be_called(stack: Stack, customer: Customer) -> None:
    ports = [stack.postgres.port, *(stack.state.port(name) for name in ("edge", "ingest", "sync"))]
    for port in ports:
        body = {
            "requestId": str(uuid4()),
            "workspaceId": customer.alpha,
            "url": f"http://{HOST}:{port}/mine",
        }
        with pytest.raises(RefusedError) as refused:
            await customer.api.post("/api/endpoints", body)
        assert "not public (loopback)" in str(refused.value)


async def test_a_number_that_json_does_not_have_is_named(stack: Stack, customer: Customer) -> None:
    metadata = Struct()
    metadata.update({"score": math.nan})
    async with grpc.aio.insecure_channel(stack.edge_url.removeprefix("http://")) as channel:
        booking: Any = SchedulingServiceStub(channel)
        token = (("authorization", f"Bearer {customer.api.token}"),)
        request = BookAppointmentRequest(metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await booking.BookAppointment(request, timeout=10, metadata=token)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(refused.value)  # type: ignore[arg-type]
    assert status is not None
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    assert "metadata.score" in [violation.field for violation in bad.field_violations]
