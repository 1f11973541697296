"""A collector of live spans, as small as can be: it keeps what services export, as bytes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSpan:
    """What a collector can be asked for."""

    service: str
    name: str
    trace_id: str
    span_id: str


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """OTLP's TraceService."""

    def __init__(self) -> None:
        self.exported: list[bytes] = []
        self.endpoint = ""

    async def Export(self, request: Any, context: Any) -> Any:
        """Keeps the request."""
        self.exported.append(request.SerializeToString())
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self) -> Iterator[LiveSpan]:
        """Every span that was exported so far."""
        for exported in self.exported:
            request: Any = trace_service_pb2.ExportTraceServiceRequest.FromString(exported)
            for of_service in request.resource_spans:
                attributes = of_service.resource.attributes
                names = {each.key: each.value.string_value for each in attributes}
                for span in (each for scope in of_service.scope_spans for each in scope.spans):
                    yield LiveSpan(
                        service=names["service.name"],
                        name=span.name,
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                    )


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on a free port of loopback."""
    collector, server = Collector(), grpc.aio.server()
    add: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    collector.endpoint = f"http://127.0.0.1:{port}"
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(None)
