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
from services.chassis.trace_service import trace_registration
from services.routing.access import ACCESS
from services.routing.config import RoutingConfig
from services.routing.dry_runs import DryRuns
from services.routing.edge.registration import Dependencies, registration
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from services.routing.store.workspaces import WorkspaceStore
from tests.rpc.routing.callers import Callers
from tests.unit.routing.builders import InProcessEvaluator


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
    """Calls to a running server as any caller that a test names."""
    config = RoutingConfig(
        database_url="",
        listen="127.0.0.1:0",
        jwks_file=keys.jwks_file,
        token_file=keys.token_file("routing"),
        sealing_keys_file=keys.sealing_file,
        delivery_target="127.0.0.1:1",
        dedupe_secrets_file=keys.dedupe_file,
    )
    dependencies = Dependencies(
        workspaces=WorkspaceStore(routing_db),
        rules=RuleStore(routing_db),
        leads=LeadStore(routing_db),
        dry_runs=DryRuns(InProcessEvaluator()),
        enqueued=enqueued,
    )
    registrations = [registration(dependencies), trace_registration(routing_db, "routing")]
    async with (
        serving(config, ACCESS, registrations) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield Callers(channel, keys)


@pytest.fixture
def org_id() -> UUID:
    """A tenant."""
    return UUID("11111111-1111-7111-8111-111111111111")
