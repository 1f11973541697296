"""Sync's server in this process, over the test's database and the emulator, with callers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from deploy.local.keys import Keys
from deploy.local.state import State
from sandbox.meta import MetaPlatform
from sandbox.meta_pages import Page, PageOrder
from sandbox.serving import serving as serving_sandbox
from services.chassis.database import Database
from services.chassis.loops import Wake
from services.chassis.outbound.client import OutboundClient, OutboundPolicy
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.trace_service import trace_registration
from services.sync.access import ACCESS
from services.sync.clock import RealClock
from services.sync.config import SyncConfig
from services.sync.edge.registration import Dependencies, registration
from services.sync.graph import Graph
from services.sync.page_tokens import PageTokens
from services.sync.puller import Puller
from services.sync.records.pulls import PullBudget, PullerPolicy
from services.sync.store.conversations import ConversationStore
from services.sync.store.locks import LockStore
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from waybill.sync.v1 import sync_service_pb2 as pb
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub
from waybill.trace.v1.trace_service_pb2_grpc import TraceServiceStub

CALL_SECONDS = 15


class _Caller:
    """A stub whose calls carry a token and a deadline."""

    def __init__(self, stub: Any, token: str) -> None:
        self._stub = stub
        self._metadata = (("authorization", f"Bearer {token}"),)

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._stub, method)
        return lambda request: call(request, timeout=CALL_SECONDS, metadata=self._metadata)


@dataclass(slots=True, kw_only=True)
class Served:
    """A running server, and whoever calls it."""

    channel: grpc.aio.Channel
    keys: Keys
    platform: MetaPlatform
    background: Wake

    def tenant(self, org_id: UUID, workspace_id: UUID | None = None) -> Any:
        token = self.keys.tenant_token(org_id, workspace_id=workspace_id)
        return _Caller(SyncServiceStub(self.channel), token)

    def service(self, name: str) -> Any:
        return _Caller(SyncServiceStub(self.channel), self.keys.service_token(name))

    def tracing(self, org_id: UUID) -> Any:
        return _Caller(TraceServiceStub(self.channel), self.keys.tenant_token(org_id))

    def tracing_service(self, name: str) -> Any:
        return _Caller(TraceServiceStub(self.channel), self.keys.service_token(name))

    async def page(self, org_id: UUID, order: PageOrder | None = None) -> tuple[pb.Page, Page]:
        """A connected page, and what the emulator has of it."""
        external_id = str(uuid4().int % 10**12)
        made = Page(external_id, order or PageOrder(conversations=15, messages_min=2))
        # The pace is tested on a moved clock; here the real one runs.
        self.platform.conversations.pages[external_id] = made
        connected = await self.tenant(org_id).ConnectPage(
            pb.ConnectPageRequest(
                platform="messenger", facebook_page_id=external_id, access_token=made.token
            )
        )
        return connected.page, made


@pytest.fixture
async def served(tmp_path: Path, sync_db: Database) -> AsyncIterator[Served]:
    """Sync, served."""
    keys = Keys(State.open(tmp_path))
    keys.renew_service_tokens(["sync"])
    config = SyncConfig(
        database_url="",
        listen="127.0.0.1:0",
        jwks_file=keys.jwks_file,
        token_file=keys.token_file("sync"),
        sealing_keys_file=keys.sealing_file,
    )
    platform, background = MetaPlatform(), Wake()
    outbound = OutboundPolicy(
        allowed_networks=(ip_network("127.0.0.0/8"),), http_hosts=frozenset({"127.0.0.1"}),
        response_bytes_max=16 * 1024 * 1024,
    )  # fmt: skip
    async with (
        serving_sandbox(platform.application()) as url,
        OutboundClient(outbound) as http,
    ):
        pages = PageStore(sync_db)
        sessions = SessionStore(sync_db, "tester")
        graph = Graph(http, f"{url}/v26.0")
        tokens = PageTokens(load_key_ring(keys.sealing_file))
        dependencies = Dependencies(
            pages=pages,
            sessions=sessions,
            locks=LockStore(sync_db),
            conversations=ConversationStore(sync_db),
            puller=Puller(sessions, pages, graph, tokens, RealClock(), PullerPolicy(list_limit=10)),
            budget=PullBudget(seconds=10, calls=2, new_rows=10_000),
            tokens=tokens,
            background=background,
            health_check=Wake(),
        )
        async with (
            serving(
                config, ACCESS, [registration(dependencies), trace_registration(sync_db, "sync")]
            ) as server,
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            yield Served(channel=channel, keys=keys, platform=platform, background=background)


@pytest.fixture
def org_id() -> UUID:
    """A tenant."""
    return uuid4()
