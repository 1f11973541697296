"""Routing's server in this process, over the test's database, and callers with tokens."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import grpc
import pytest

from deploy.local.keys import Keys
from deploy.local.state import State
from services.chassis.database import Database
from services.chassis.loops import Wake
from services.chassis.rpc.server import serving
from services.chassis.trace_service import trace_served
from services.routing.access import ACCESS
from services.routing.config import RoutingConfig
from services.routing.service import RoutingService, routing_served
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from services.routing.trials import Trials
from tests.rpc.routing.callers import Callers
from tests.unit.routing.builders import NearJudge


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Keys of a state folder of our own."""
    made = Keys(State.open(tmp_path))
    made.renew_service_tokens(["routing"])
    return made


@pytest.fixture
def enqueued() -> Wake:
    """What the service sets when it took leads over."""
    return Wake()


@pytest.fixture
async def callers(keys: Keys, routing_db: Database, enqueued: Wake) -> AsyncIterator[Callers]:
    """Calls to a running server as whoever a test names."""
    config = RoutingConfig(
        database_url="",
        listen="127.0.0.1:0",
        jwks_file=keys.jwks_file,
        token_file=keys.token_file("routing"),
        sealing_keys_file=keys.sealing_file,
        delivery_target="127.0.0.1:1",
        dedupe_secrets_file=keys.dedupe_file,
    )
    service = RoutingService(
        RuleStore(routing_db), LeadStore(routing_db), Trials(NearJudge()), enqueued
    )
    served = [routing_served(service), trace_served(routing_db, "routing")]
    async with (
        serving(config, ACCESS, served) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield Callers(channel, keys)


@pytest.fixture
def org_id() -> UUID:
    """A tenant."""
    return UUID("11111111-1111-7111-8111-111111111111")
