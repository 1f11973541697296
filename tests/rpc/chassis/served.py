"""RoutingService answered by a script, behind the whole chassis, and a plain channel to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
from google.rpc import error_details_pb2, status_pb2

from services.chassis.config import ServiceConfig
from services.chassis.errors import STATUS_DETAILS_KEY
from services.chassis.rpc.auth import Access, AccessTable
from services.chassis.rpc.server import Registration, Server, serving
from tests.rpc.callers import Signer, bearing
from waybill.routing.v1 import routing_service_pb2, routing_service_pb2_grpc
from waybill.routing.v1.routing_service_pb2 import ListRulesRequest, ListRulesResponse
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub

SERVICE = "/waybill.routing.v1.RoutingService/"
ACCESS: AccessTable = {
    f"{SERVICE}ListRules": Access(tenants=True),
    f"{SERVICE}GetRouting": Access(tenants=True, workspace_tokens=True),
    f"{SERVICE}CreateRule": Access(tenants=True),
    f"{SERVICE}EnqueueLeads": Access(services=frozenset({"ingest"})),
}
Behaviour = Callable[[Any, Any], Awaitable[Any]]


async def answers(request: Any, context: Any) -> ListRulesResponse:
    """Answers with nothing."""
    return ListRulesResponse()


class Scripted(routing_service_pb2_grpc.RoutingServiceServicer):
    """Every method that the tests call does what the test says."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.ListRules = behaviour  # type: ignore[method-assign,assignment]
        self.GetRouting = behaviour  # type: ignore[method-assign,assignment]
        self.CreateRule = behaviour  # type: ignore[method-assign,assignment]
        self.EnqueueLeads = behaviour  # type: ignore[method-assign,assignment]
        self.UpdateRule = behaviour  # type: ignore[method-assign,assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A running server, its stub on a channel without any of our interceptors, and a caller."""

    server: Server
    config: ServiceConfig
    stub: Any
    signer: Signer
    org_id: UUID

    @property
    def target(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.server.port}"

    @property
    def tenant(self) -> str:
        """A tenant's token."""
        return self.signer.tenant(self.org_id)

    async def refusal(
        self,
        method: str,
        request: Any,
        token: str | None,
        seconds: float | None = 5,
        mark: tuple[tuple[str, str], ...] = (),
    ) -> "RefusedCall":
        """How the call was refused; fails where it was not. `mark` is what the edge adds."""
        metadata = (*(bearing(token) if token is not None else ()), *mark)
        try:
            await getattr(self.stub, method)(request, timeout=seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return RefusedCall.of(error)
        raise AssertionError(f"{method} was let through")

    async def call(self, seconds: float = 5) -> ListRulesResponse:
        """A call that the gate lets through."""
        metadata = bearing(self.tenant)
        response: ListRulesResponse = await self.stub.ListRules(
            ListRulesRequest(), timeout=seconds, metadata=metadata
        )
        return response

    def calling(self, seconds: float = 5) -> "asyncio.Task[ListRulesResponse]":
        """The same, under way."""
        return asyncio.create_task(self.call(seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCall:
    """A refused call: its code, text and details."""

    code: str
    text: str
    info: error_details_pb2.ErrorInfo | None = None
    violations: tuple[str, ...] = ()
    retry_seconds: float | None = None

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> "RefusedCall":
        """From what the caller got."""
        status = status_pb2.Status()
        for key, value in error.trailing_metadata() or ():
            if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
                status.ParseFromString(value)
        info = error_details_pb2.ErrorInfo()
        bad, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        found = [detail for detail in status.details if detail.Unpack(info)]
        fields = [each.field for part in status.details if part.Unpack(bad)
                  for each in bad.field_violations]  # fmt: skip
        waits = [retry.retry_delay.ToMilliseconds() / 1000 for part in status.details
                 if part.Unpack(retry)]  # fmt: skip
        return cls(
            code=error.code().name,
            text=error.details() or "",
            info=info if found else None,
            violations=tuple(fields),
            retry_seconds=waits[0] if waits else None,
        )

    @property
    def reason(self) -> str:
        """The reason that ErrorInfo names."""
        assert self.info is not None, f"no ErrorInfo: {self}"
        assert self.info.domain == "waybill"
        reason: str = self.info.reason
        return reason


def config_in(folder: Path, signer: Signer, **more: Any) -> ServiceConfig:
    """Settings of a service that listens on any port and trusts the signer."""
    token_file = folder / "own.jwt"
    token_file.write_text(signer.service("routing"))
    return ServiceConfig(
        database_url="postgres://nowhere",
        listen="127.0.0.1:0",
        jwks_file=signer.write_jwks(folder / "jwks.json"),
        token_file=token_file,
        sealing_keys_file=folder / "nothing.json",
        **more,
    )


@asynccontextmanager
async def door(folder: Path, behaviour: Behaviour = answers, **more: Any) -> AsyncIterator[Door]:
    """A server behind the gate, which drains when the block ends."""
    signer = Signer()
    config = config_in(folder, signer, **more)
    registration = Registration(
        descriptor=routing_service_pb2.DESCRIPTOR.services_by_name["RoutingService"],
        handlers=(Scripted(behaviour),),  # type: ignore[abstract]
    )
    async with (
        serving(config, ACCESS, [registration]) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RoutingServiceStub(channel)
        yield Door(server=server, config=config, stub=stub, signer=signer, org_id=uuid4())
