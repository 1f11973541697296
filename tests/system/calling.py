"""Any RPC of any service, called with any token over a plain channel."""

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict

from deploy.local.stack import Stack
from services.chassis.rpc.auth import Access
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
OF_TENANTS = [(service, method) for service, method, access in METHODS if access.tenants]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How a call ended: its status name, and what was answered or why it was refused."""

    status: str
    message: dict[str, Any]


async def call(
    stack: Stack,
    service: str,
    method: MethodDescriptor,
    token: str | None,
    fields: dict[str, Any] | None = None,
) -> CallResult:
    """The end of the call with these fields; empty ones for none."""
    request = ParseDict(fields or {}, message_factory.GetMessageClass(method.input_type)())
    response = message_factory.GetMessageClass(method.output_type)
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = [("authorization", f"Bearer {token}")] if token else []
    async with grpc.aio.insecure_channel(stack.address(service)) as channel:
        rpc: Any = channel.unary_unary(
            path,
            request_serializer=lambda sent: sent.SerializeToString(),
            response_deserializer=response.FromString,
        )
        try:
            answered = await rpc(request, timeout=10, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return CallResult(status=error.code().name, message={"refusal": error.details()})
        message = MessageToDict(answered, preserving_proto_field_name=True)
        return CallResult(status="OK", message=message)
