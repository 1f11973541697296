"""Delivery's server and sender in this process, and buyers' endpoints."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import grpc
import pytest

from deploy.local.keys import Keys
from deploy.local.state import State
from sandbox.buyers import Buyers
from sandbox.serving import serving as serving_sandbox
from services.chassis.database import Database
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.trace_service import trace_served
from services.delivery.access import ACCESS
from services.delivery.completion import Completions
from services.delivery.poster import Poster
from services.delivery.sender import Sender, SenderPolicy
from services.delivery.service import DeliveryService, Parts, delivery_served
from services.delivery.store.credits import CreditStore
from services.delivery.store.deliveries import DeliveryStore
from services.delivery.store.endpoints import EndpointStore
from services.delivery.store.offers import OfferStore
from services.delivery.store.sending import SendingStore
from services.delivery.workspaces import Workspaces
from tests.rpc.delivery.world import (
    OUTBOUND,
    TERMS,
    Buyer,
    Callers,
    FakeRouting,
    SendingWorld,
    a_config,
    serving_routing,
)
from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceStub


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Keys of a state folder of our own."""
    made = Keys(State.open(tmp_path))
    made.renew_service_tokens(["delivery"])
    return made


@pytest.fixture
async def buyer() -> AsyncIterator[Callable[[str], Buyer]]:
    """Buyers' endpoints by name."""
    async with (
        serving_sandbox(Buyers().application()) as base,
        aiohttp.ClientSession() as http,
    ):
        yield lambda name: Buyer(http, base, name)


@pytest.fixture
async def world(keys: Keys, delivery_db: Database) -> AsyncIterator[SendingWorld]:
    """Delivery, ready to be called; its sender takes a step when a test says so."""
    stopping, ring = Stopping(), load_key_ring(keys.sealing_file)
    # Of routing's methods delivery calls one.
    routing = FakeRouting()  # type: ignore[abstract]
    offers, deliveries = OfferStore(delivery_db), DeliveryStore(delivery_db)
    async with serving_routing(routing) as port, OutboundClient(OUTBOUND) as client:
        config = a_config(keys, routing_target=f"127.0.0.1:{port}")
        sender = Sender(
            SendingStore(delivery_db, TERMS), Poster(client, ring), stopping, SenderPolicy()
        )
        async with (
            connected(config.routing_target, RoutingServiceStub, config) as stub,
            Completions(deliveries, batch_deliveries_max=50, waiting_max=1000) as completions,
        ):
            service = DeliveryService(
                Parts(
                    offers=offers,
                    credits=CreditStore(delivery_db),
                    endpoints=EndpointStore(delivery_db),
                    deliveries=deliveries,
                    completions=completions,
                    workspaces=Workspaces(offers, stub, timeout_seconds=5),
                    outbound=OUTBOUND,
                    ring=ring,
                    due=sender.wake,
                )
            )
            served = [delivery_served(service), trace_served(delivery_db, "delivery")]
            async with (
                serving(config, ACCESS, served) as server,
                grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
            ):
                yield SendingWorld(
                    callers=Callers(channel, keys),
                    database=delivery_db,
                    routing=routing,
                    sender=sender,
                    stopping=stopping,
                )
