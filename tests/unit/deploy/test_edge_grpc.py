"""gRPC at the edge: its own errors are a status with ErrorInfo, and come at once."""

import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)
from grpc_status import rpc_status

from deploy.edge.local_replies import local_replies
from services.chassis.errors import DOMAIN, status_of
from services.chassis.rpc.reflection import REFLECTED_KEY, REFLECTION_NAMES
from tests.unit.deploy.edge_world import Edge, Keys, Shop

GET_LEAD = "/waybill.shop.v1.ShopService/GetLead"


@pytest.fixture
async def channel(edge: Edge) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{edge.config.listen.port}") as opened:
        yield opened


async def refusal(
    channel: grpc.aio.Channel, method: str, token: str | None, **metadata: Any
) -> tuple[str, str, str]:
    """Code, reason and text of a call whose client keeps its stream open."""
    pairs = [(name.replace("_", "-"), value) for name, value in metadata.items()]
    if token is not None:
        pairs.append(("authorization", f"Bearer {token}"))
    # The longest that the test waits; without an end of the stream nothing else ends it.
    call: Any = channel.stream_stream(method)(metadata=pairs, timeout=20)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call.read()
    # Raises ValueError where code or text are not those of the details.
    status = await rpc_status.aio.from_call(call)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, status_of(info.reason)) == (DOMAIN, refused.value.code())
    return refused.value.code().name, info.reason, refused.value.details() or ""


@pytest.mark.parametrize(
    "method",
    ["/waybill.nowhere.v1.Service/Get", "/grpc.health.v1.Health/Watch", "/api/leads", "/x/y"],
)
async def test_an_unknown_method_is_unimplemented_at_once_though_the_stream_stays_open(
    edge: Edge, channel: grpc.aio.Channel, method: str
) -> None:
    refused = await refusal(channel, method, edge.token)
    assert refused == ("UNIMPLEMENTED", "METHOD_UNKNOWN", "The edge serves no such method.")


async def test_a_call_without_a_good_token_is_unauthenticated_with_its_reason(
    edge: Edge, shop: Shop, channel: grpc.aio.Channel, keys: Keys
) -> None:
    for token in (None, "nonsense", keys.token(aud="somebody-else")):
        code, reason, text = await refusal(channel, GET_LEAD, token)
        assert (code, reason) == ("UNAUTHENTICATED", "TOKEN_REFUSED")
        assert text.startswith("Send `authorization: Bearer <token>`")
    assert shop.calls == []


async def test_headers_that_the_edge_refuses_are_an_invalid_argument(
    edge: Edge, shop: Shop, channel: grpc.aio.Channel
) -> None:
    code, reason, text = await refusal(channel, GET_LEAD, edge.token, x_note="a" * 20_000)
    assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert text == "The headers are too large or too many."
    assert shop.calls == []


async def test_a_service_that_is_away_is_unavailable_with_retry_info(
    edge: Edge, shop: Shop, channel: grpc.aio.Channel
) -> None:
    await shop.set_serving(False)
    try:
        await edge.becomes(503)
        code, reason, _ = await refusal(channel, GET_LEAD, edge.token)
        assert (code, reason) == ("UNAVAILABLE", "UNAVAILABLE")
    finally:
        await shop.set_serving(True)
        await edge.becomes(200)


def reflecting(channel: grpc.aio.Channel, name: str, token: str) -> Any:
    """An open stream to reflection."""
    stream: Any = channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    forged = ((REFLECTED_KEY, "forged.v1.Service"),)
    return stream(metadata=(("authorization", f"Bearer {token}"), *forged), timeout=20)


@pytest.mark.parametrize("name", REFLECTION_NAMES)
async def test_reflection_tells_a_service_of_what_the_edge_serves(
    channel: grpc.aio.Channel, keys: Keys, name: str
) -> None:
    token = keys.token(sub="service:operator", role="service_role")
    call = reflecting(channel, name, token)
    await call.write(ServerReflectionRequest(list_services="*"))
    answer = await call.read()
    names = {service.name for service in answer.list_services_response.service}
    assert names == {"waybill.shop.v1.ShopService", *REFLECTION_NAMES}
    symbol = "waybill.shop.v1.ShopService"
    await call.write(ServerReflectionRequest(file_containing_symbol=symbol))
    answer = await call.read()
    assert len(answer.file_descriptor_response.file_descriptor_proto) > 1
    await call.done_writing()
    assert await call.code() is grpc.StatusCode.OK


async def test_reflection_is_refused_to_a_tenant_and_without_a_token(
    channel: grpc.aio.Channel, keys: Keys
) -> None:
    tenant = keys.token(role="authenticated", org_id=str(UUID(int=1)))
    method = f"/{REFLECTION_NAMES[0]}/ServerReflectionInfo"
    assert (await refusal(channel, method, tenant))[:2] == (
        "PERMISSION_DENIED",
        "METHOD_NOT_ALLOWED",
    )
    assert (await refusal(channel, method, None))[:2] == ("UNAUTHENTICATED", "TOKEN_REFUSED")


GRPC_MAPPERS = [each for each in local_replies()["mappers"] if "headers_to_add" in each]


def test_every_status_that_the_edge_makes_has_a_grpc_form() -> None:
    assert len(GRPC_MAPPERS) == 14


@pytest.mark.parametrize("mapper", GRPC_MAPPERS)
def test_a_grpc_form_is_one_with_its_details(mapper: dict[str, Any]) -> None:
    added = [each["header"] for each in mapper["headers_to_add"]]
    headers = {header["key"]: header["value"] for header in added}
    packed = headers["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4)))
    assert str(status.code) == headers["grpc-status"]
    text = mapper["body_format_override"]["text_format_source"]["inline_string"]
    assert status.message == text
    retried = [each for each in status.details if each.Is(error_details_pb2.RetryInfo.DESCRIPTOR)]
    assert len(retried) == (headers["grpc-status"] in ("8", "14"))
