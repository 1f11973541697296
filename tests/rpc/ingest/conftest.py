"""Ingest with its real servers, on a real database, beside an emulated Graph API."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import grpc
import pytest

from sandbox.fault_proxy import FaultProxy
from sandbox.meta import MetaPlatform
from sandbox.meta_webhooks import WebhookResponse, send
from sandbox.serving import serving as serving_sandbox
from services.chassis.database import pooled
from services.chassis.loops import Wake
from services.chassis.outbound.client import OutboundClient, OutboundPolicy
from services.chassis.rpc.server import serving
from services.chassis.sealing import KeyRing, SealedColumn
from services.chassis.trace_service import trace_registration
from services.ingest.access import ACCESS
from services.ingest.api_source_cache import ApiSourceCache
from services.ingest.app_secrets import AppSecrets
from services.ingest.config import IngestConfig
from services.ingest.edge.registration import Dependencies, registration
from services.ingest.http import serving_http
from services.ingest.item_readers import LeadgenReader, MessageReader
from services.ingest.item_worker import ItemWorker
from services.ingest.lead_writer import lead_writer
from services.ingest.records.webhooks import LEADGEN, MESSAGE
from services.ingest.store import IngestStore
from services.ingest.webhook_priority import WebhookPriority
from services.ingest.webhook_receiver import WebhookReceiver
from services.ingest.webhook_writer import webhook_writer
from tests.conftest import with_login
from tests.rpc.callers import Signer, bearing
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateOrgRequest,
    CreateSourceRequest,
    RegisterAppRequest,
)
from waybill.ingest.v1.ingest_service_pb2_grpc import IngestServiceStub
from waybill.trace.v1.trace_service_pb2_grpc import TraceServiceStub

APP_SECRET = "the secret of the app"
VERIFY_TOKEN = "meatyhamhock"
PAGE_TOKEN = "the token of the page"
PAGE = "700100200300"
NUMBER = "600100200300"
RING = KeyRing(current=1, keys={1: secrets.token_bytes(32)})
APP_SECRETS = SealedColumn(RING, table="app_secrets", column="ciphertext")
ACCESS_TOKENS = SealedColumn(RING, table="sources", column="access_token_ciphertext")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An org and its token."""

    org_id: UUID
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """The running service as strangers, callers and its own loops meet it."""

    webhooks_url: str
    http_url: str
    graph_url: str
    platform: MetaPlatform
    stub: Any
    traces: Any
    signer: Signer
    store: IngestStore
    leads: ItemWorker
    messages: ItemWorker
    database: FaultProxy

    async def post(
        self, body: bytes, secret: str | None = APP_SECRET, **headers: str
    ) -> WebhookResponse:
        """Posts a webhook, signed with the app's secret by default."""
        return await send(self.webhooks_url, body, secret, headers=headers)

    async def call(self, method: str, request: Any, token: str) -> Any:
        """Calls an RPC."""
        return await getattr(self.stub, method)(request, timeout=10, metadata=bearing(token))

    async def operator(self, method: str, request: Any) -> Any:
        """Calls an RPC as the operator."""
        return await self.call(method, request, self.signer.service("operator"))

    async def register_app(self, secret: str = APP_SECRET, token: str = VERIFY_TOKEN) -> None:
        """Registers the Meta app, or one more secret of it."""
        request = RegisterAppRequest(external_app_id="500", secret=secret, verify_token=token)
        await self.operator("RegisterApp", request)

    async def tenant(self) -> Tenant:
        """A new org."""
        request = CreateOrgRequest(name="Acme", default_region="DE")
        org_id = UUID((await self.operator("CreateOrg", request)).org_id)
        return Tenant(org_id=org_id, token=self.signer.tenant(org_id))

    async def source(
        self, tenant: Tenant, kind: str = "meta_page", external_id: str = PAGE
    ) -> UUID:
        """A new source of the tenant's, with the page's token."""
        request = CreateSourceRequest(
            kind=kind, external_id=external_id, default_region="DE", access_token=PAGE_TOKEN
        )
        made = await self.call("CreateSource", request, tenant.token)
        return UUID(made.source.source_id)

    async def work(self) -> None:
        """Lets both workers do what is due."""
        while await step(self.leads) + await step(self.messages):
            continue


async def step(worker: ItemWorker) -> int:
    """One claim of the worker's, and all that comes of it; answers how many items it claimed."""
    async with asyncio.TaskGroup() as tries:
        return await worker.step(tries)


def config_of(folder: Path, signer: Signer, database_url: str, **more: Any) -> IngestConfig:
    """Settings of ingest on any ports."""
    names: dict[str, Any] = {
        "database_url": database_url,
        "listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "routing_target": "127.0.0.1:1",
        "jwks_file": signer.write_jwks(folder / "jwks.json"),
        "token_file": folder / "own.jwt",
        "sealing_keys_file": folder / "ring.json",
    }
    return IngestConfig(**{**names, **more})


@asynccontextmanager
async def running(folder: Path, database_url: str, **more: Any) -> AsyncIterator[Ingest]:
    """Ingest's servers and workers; its database is reached through a proxy with faults."""
    signer, platform = Signer(), MetaPlatform(access_tokens=[PAGE_TOKEN])
    parts = urlsplit(with_login(database_url, "waybill_ingest"))
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(FaultProxy("127.0.0.1", parts.port or 5432))
        login, _ = parts.netloc.rsplit("@", 1)
        url = parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}").geturl()
        config = config_of(folder, signer, url, **more)
        graph_url = await stack.enter_async_context(serving_sandbox(platform.application()))
        database = await stack.enter_async_context(pooled("ingest", config))
        policy = OutboundPolicy(
            allowed_networks=(ip_network("127.0.0.0/8"),), http_hosts=frozenset({"127.0.0.1"})
        )
        http = await stack.enter_async_context(OutboundClient(policy))
        store = IngestStore(database)
        apps = AppSecrets(store, APP_SECRETS, fresh_seconds=config.secrets_fresh_seconds)
        writer = await stack.enter_async_context(lead_writer(store, config, Wake()))
        webhooks = await stack.enter_async_context(
            webhook_writer(store, config, {}, WebhookPriority(deferrals_max=1))
        )
        dependencies = Dependencies(
            store=store,
            app_secrets=apps,
            app_secret_column=APP_SECRETS,
            access_token_column=ACCESS_TOKENS,
            api_sources=ApiSourceCache(store, fresh_seconds=60),
            lead_writer=writer,
        )
        registrations = [registration(dependencies), trace_registration(database, "ingest")]
        server = await stack.enter_async_context(serving(config, ACCESS, registrations))
        receiver = WebhookReceiver(webhooks, apps, items_max=config.webhook_items_max)
        port = await stack.enter_async_context(serving_http(receiver, config))
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
        )
        reader = LeadgenReader(store, http, ACCESS_TOKENS, f"{graph_url}/v26.0")
        yield Ingest(
            webhooks_url=f"http://127.0.0.1:{port}/webhooks/meta",
            http_url=f"http://127.0.0.1:{port}",
            graph_url=graph_url,
            platform=platform,
            stub=IngestServiceStub(channel),
            traces=TraceServiceStub(channel),
            signer=signer,
            store=store,
            leads=ItemWorker(
                LEADGEN, reader, store=store, writer=writer, config=config, concurrent_max=10
            ),
            messages=ItemWorker(
                MESSAGE,
                MessageReader(),
                store=store,
                writer=writer,
                config=config,
                concurrent_max=100,
            ),
            database=proxy,
        )


@pytest.fixture
async def ingest(tmp_path: Path, database_url: str) -> AsyncIterator[Ingest]:
    """A running ingest whose app is registered."""
    async with running(tmp_path, database_url) as service:
        await service.register_app()
        yield service
