"""Delivery's server and dispatcher in this process, and buyers' endpoints."""

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
from services.chassis.trace_service import trace_registration
from services.delivery.access import ACCESS
from services.delivery.dispatcher import Dispatcher, DispatcherPolicy
from services.delivery.edge.registration import Dependencies, registration
from services.delivery.edge.workspaces import Workspaces
from services.delivery.endpoint_secrets import EndpointSecrets
from services.delivery.manual_completions import ManualCompletions
from services.delivery.store.claims import ClaimStore
from services.delivery.store.credits import CreditStore
from services.delivery.store.deliveries import DeliveryStore
from services.delivery.store.endpoints import EndpointStore
from services.delivery.store.offers import OfferStore
from services.delivery.webhook_client import WebhookClient
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
    """Delivery, ready to be called; its dispatcher takes a step when a test says so."""
    stopping, secrets = Stopping(), EndpointSecrets(load_key_ring(keys.sealing_file))
    # Of routing's methods delivery calls one.
    routing = FakeRouting()  # type: ignore[abstract]
    offers, deliveries = OfferStore(delivery_db), DeliveryStore(delivery_db)
    async with serving_routing(routing) as port, OutboundClient(OUTBOUND) as client:
        config = a_config(keys, routing_target=f"127.0.0.1:{port}")
        dispatcher = Dispatcher(
            ClaimStore(delivery_db, TERMS),
            WebhookClient(client, secrets),
            stopping,
            DispatcherPolicy(),
        )
        async with (
            connected(config.routing_target, RoutingServiceStub, config) as stub,
            ManualCompletions(deliveries, batch_deliveries_max=50, waiting_max=1000) as completions,
        ):
            dependencies = Dependencies(
                offers=offers,
                credits=CreditStore(delivery_db),
                endpoints=EndpointStore(delivery_db),
                deliveries=deliveries,
                completions=completions,
                workspaces=Workspaces(offers, stub, timeout_seconds=5),
                webhook_policy=OUTBOUND,
                secrets=secrets,
                wake=dispatcher.wake,
            )
            registrations = [
                registration(dependencies),
                trace_registration(delivery_db, "delivery"),
            ]
            async with (
                serving(config, ACCESS, registrations) as server,
                grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
            ):
                yield SendingWorld(
                    callers=Callers(channel, keys),
                    database=delivery_db,
                    routing=routing,
                    dispatcher=dispatcher,
                    stopping=stopping,
                )
