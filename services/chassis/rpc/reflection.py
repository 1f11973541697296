"""Reflection, as `grpc.reflection.v1` and `v1alpha`: what a client such as grpcurl asks first.

Whoever calls a service directly is told of that process's services. Through the edge, where a
service's token is needed, every process tells the same: of all that the edge serves, whichever
process that is served by. For that, the modules of all protos are imported when it is first asked.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import ReflectionServicer

import waybill
from services.chassis.errors import DomainError
from services.chassis.rpc.auth import SERVICE_ROLE, TokenVerifier
from services.chassis.rpc.edge import came_from_outside
from services.chassis.rpc.gate import abort

# Under this key the edge says which services it serves.
REFLECTED_KEY: Final = "x-waybill-reflected"
_VERSIONS: Final = ("v1", "v1alpha")
REFLECTION_PREFIXES: Final = tuple(f"/grpc.reflection.{version}." for version in _VERSIONS)
REFLECTION_NAMES: Final = tuple(
    f"grpc.reflection.{version}.ServerReflection" for version in _VERSIONS
)


class Reflection:
    """Answers reflection; whoever keeps a stream open is let go at the end, or the server's stop
    would wait."""

    def __init__(self, names: Sequence[str], verifier: TokenVerifier) -> None:
        self._own = ReflectionServicer([*names, *REFLECTION_NAMES])
        self._verifier = verifier
        self._over = asyncio.Event()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Lets the server answer both versions, which are the same on the wire."""
        _describe_v1()
        handler: Any = grpc.stream_stream_rpc_method_handler(
            self.tell,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        for name in REFLECTION_NAMES:
            rpcs = {"ServerReflectionInfo": handler}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, rpcs),))

    def let_streams_go(self) -> None:
        """Ends every stream."""
        self._over.set()

    async def tell(
        self, requests: Any, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        """Reflection's RPC. Through the edge: METHOD_NOT_ALLOWED for a tenant's token."""
        metadata = dict(context.invocation_metadata() or ())
        try:
            telling = await self._for(metadata)
        except DomainError as error:
            await abort(context, error)
        async for request in self._until_over(requests):
            for response in telling.ServerReflectionInfo([request], context):
                yield response

    async def _for(self, metadata: dict[str, Any]) -> ReflectionServicer:
        if not came_from_outside(metadata):
            return self._own
        if self._verifier.verify(metadata.get("authorization")).role != SERVICE_ROLE:
            raise DomainError(
                "METHOD_NOT_ALLOWED",
                "Reflection through the edge needs a service's token.",
                metadata={"method": REFLECTION_NAMES[0]},
            )
        await asyncio.to_thread(_import_all)
        names = str(metadata.get(REFLECTED_KEY, "")).split(",")
        return ReflectionServicer([*filter(None, names), *REFLECTION_NAMES])

    async def _until_over(self, requests: Any) -> AsyncIterator[Any]:
        incoming = aiter(requests)
        over = asyncio.create_task(self._over.wait())
        try:
            while True:
                coming = asyncio.ensure_future(anext(incoming, None))
                try:
                    await asyncio.wait({coming, over}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not coming.done():
                        coming.cancel()
                if not coming.done() or (request := coming.result()) is None:
                    return
                yield request
        finally:
            over.cancel()


def _describe_v1() -> None:
    """Makes `grpc.reflection.v1` known, which the package of v1alpha does not bring."""
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name = file.name.replace("v1alpha", "v1")
    file.package = file.package.replace("v1alpha", "v1")
    for field in (field for message in file.message_type for field in message.field):
        if field.type_name:
            field.type_name = field.type_name.replace("v1alpha", "v1")
    for rpc in file.service[0].method:
        rpc.input_type = rpc.input_type.replace("v1alpha", "v1")
        rpc.output_type = rpc.output_type.replace("v1alpha", "v1")
    # The same file twice is once.
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


def _import_all() -> None:
    """Every generated module, so that its descriptors are known."""
    for root in map(Path, waybill.__path__):
        for path in sorted(root.rglob("*_pb2.py")):
            parts = path.relative_to(root).with_suffix("").parts
            importlib.import_module(".".join((waybill.__name__, *parts)))
