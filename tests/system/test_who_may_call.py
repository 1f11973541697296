"""Every RPC of every service refuses who must not call it, over real channels."""

from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor

from deploy.local.customer import Customer
from deploy.local.stack import Stack
from services.chassis.auth import Access
from services.delivery.access import ACCESS as DELIVERY
from services.ingest.access import ACCESS as INGEST
from services.routing.access import ACCESS as ROUTING
from services.scheduling.access import ACCESS as SCHEDULING
from services.sync.access import ACCESS as SYNC
from waybill.delivery.v1 import delivery_service_pb2
from waybill.ingest.v1 import ingest_service_pb2
from waybill.routing.v1 import routing_service_pb2
from waybill.scheduling.v1 import scheduling_service_pb2
from waybill.sync.v1 import sync_service_pb2
from waybill.trace.v1 import trace_service_pb2

SERVICES = {
    "ingest": (ingest_service_pb2, INGEST),
    "routing": (routing_service_pb2, ROUTING),
    "delivery": (delivery_service_pb2, DELIVERY),
    "scheduling": (scheduling_service_pb2, SCHEDULING),
    "sync": (sync_service_pb2, SYNC),
}


def methods() -> list[tuple[str, MethodDescriptor, Access]]:
    """Each method that each service serves, with who may call it."""
    found = []
    for service, (module, access) in SERVICES.items():
        for descriptors in (module, trace_service_pb2):
            for described in descriptors.DESCRIPTOR.services_by_name.values():
                for method in described.methods:
                    path = f"/{described.full_name}/{method.name}"
                    found.append((service, method, access[path]))
    return found


METHODS = methods()
IDS = [f"{service}-{method.name}" for service, method, _ in METHODS]
each_method = pytest.mark.parametrize(("service", "method", "access"), METHODS, ids=IDS)


async def call(stack: Stack, service: str, method: MethodDescriptor, token: str | None) -> str:
    """The status name that the call with an empty request ends with."""
    response = message_factory.GetMessageClass(method.output_type)
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = [("authorization", f"Bearer {token}")] if token else []
    async with grpc.aio.insecure_channel(stack.address(service)) as channel:
        rpc: Any = channel.unary_unary(
            path, request_serializer=lambda _: b"", response_deserializer=response.FromString
        )
        try:
            await rpc(None, timeout=10, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"


@each_method
async def test_no_token_is_refused(
    stack: Stack, service: str, method: MethodDescriptor, access: Access
) -> None:
    assert await call(stack, service, method, None) == "UNAUTHENTICATED"


@each_method
async def test_an_unknown_caller_is_refused(
    stack: Stack, service: str, method: MethodDescriptor, access: Access
) -> None:
    stranger = stack.keys.service_token("stranger")
    assert await call(stack, service, method, stranger) == "PERMISSION_DENIED"


@each_method
async def test_the_wrong_role_is_refused(
    stack: Stack, customer: Customer, service: str, method: MethodDescriptor, access: Access
) -> None:
    tenant = await call(stack, service, method, customer.api.token)
    assert (tenant == "PERMISSION_DENIED") == (not access.tenants)
    for name in ("ingest", "routing", "delivery", "scheduling", "sync", "operator"):
        answered = await call(stack, service, method, stack.keys.service_token(name))
        assert (answered == "PERMISSION_DENIED") == (name not in access.services), name
