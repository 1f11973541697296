"""Callers that follow the service config and call until they are stopped."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import grpc

from deploy.local.sample_customer import PAGE_TOKEN, Customer
from tests.system.waiting import until
from waybill.delivery.v1 import delivery_service_pb2 as delivery
from waybill.delivery.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from waybill.ingest.v1 import ingest_service_pb2 as ingest
from waybill.ingest.v1.ingest_service_pb2_grpc import IngestServiceStub
from waybill.routing.v1 import routing_service_pb2 as routing
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from waybill.scheduling.v1 import scheduling_service_pb2 as scheduling
from waybill.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceStub
from waybill.sync.v1 import sync_service_pb2 as sync
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub

ANSWERS: Final = 50
# What `writes` calls, as logs name it.
METHODS: Final = {
    "ingest": "/waybill.ingest.v1.IngestService/CreateLead",
    "routing": "/waybill.routing.v1.RoutingService/CreateWorkspace",
    "delivery": "/waybill.delivery.v1.DeliveryService/GrantCredits",
    "scheduling": "/waybill.scheduling.v1.SchedulingService/CreateCalendar",
    "sync": "/waybill.sync.v1.SyncService/ConnectPage",
}


class Callers:
    """Callers that follow the service config and call until they are stopped."""

    def __init__(self, call: Callable[[], Awaitable[Any]]) -> None:
        self._call = call
        self.answered = 0
        self.failed: list[str] = []
        self.stopped = False

    async def run(self) -> None:
        """Calls again and again."""
        while not self.stopped:
            try:
                await self._call()
                self.answered += 1
            except grpc.aio.AioRpcError as error:
                self.failed.append(f"{error.code().name}: {error.details()}")
            except aiohttp.ClientError as error:
                self.failed.append(f"{type(error).__name__}: {error}")

    async def are_answered(self) -> None:
        """Returns when some more of the calls were answered."""
        before = self.answered

        async def were() -> bool:
            return self.answered >= before + ANSWERS

        await until(were)

    async def reach(self, log: Path, method: str) -> None:
        """Returns when the process that writes the log has answered the method some more times."""
        before = calls_in(log, method)

        async def reached() -> bool:
            return calls_in(log, method) >= before + ANSWERS

        await until(reached)


def calls_in(log: Path, method: str) -> int:
    """How many calls of the method a process has answered, by its log; relays make other calls."""
    words = f'"kind": "rpc", "name": "{method}", "outcome": "OK"'
    return log.read_text().count(words) if log.exists() else 0


def writes(channel: grpc.aio.Channel, customer: Customer) -> dict[str, Callable[[], Any]]:
    """For each service a write that a client may repeat, as the tenant makes it."""
    how: Any = {"timeout": 10, "metadata": (("authorization", f"Bearer {customer.api.token}"),)}

    def create_lead() -> Any:
        request = ingest.CreateLeadRequest(
            customer_phone="0151 23456789", type="order", request_id=str(uuid4())
        )
        return IngestServiceStub(channel).CreateLead(request, **how)

    def create_workspace() -> Any:
        request = routing.CreateWorkspaceRequest(request_id=str(uuid4()), name="another")
        return RoutingServiceStub(channel).CreateWorkspace(request, **how)

    def grant_credits() -> Any:
        request = delivery.GrantCreditsRequest(
            workspace_id=customer.alpha, request_id=str(uuid4()), credits=1, reason="a test"
        )
        return DeliveryServiceStub(channel).GrantCredits(request, **how)

    def create_calendar() -> Any:
        request = scheduling.CreateCalendarRequest(
            request_id=str(uuid4()), name="Ada", kind="person", zone="Europe/Berlin"
        )
        return SchedulingServiceStub(channel).CreateCalendar(request, **how)

    def connect_page() -> Any:
        request = sync.ConnectPageRequest(
            request_id=str(uuid4()),
            platform="messenger",
            facebook_page_id=customer.org.page_id,
            access_token=PAGE_TOKEN,
        )
        return SyncServiceStub(channel).ConnectPage(request, **how)

    return {
        "ingest": create_lead,
        "routing": create_workspace,
        "delivery": grant_credits,
        "scheduling": create_calendar,
        "sync": connect_page,
    }
