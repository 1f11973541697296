"""The whole system as `make run` starts it, with one customer, for figures of the lead path."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import asyncpg

from bench.database import SETTINGS, make_log_files, require_durable
from bench.http_load import request
from bench.run import Run
from deploy.local.ports import free_port
from deploy.local.sample_customer import Customer, set_up
from deploy.local.stack import Options, Stack, running_stack
from sandbox.meta_json import sign
from sandbox.meta_webhooks import WhatsAppText, whatsapp_text


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The running system, who buys, and a superuser's connection for looking at rows."""

    stack: Stack
    customer: Customer
    port: int
    """The edge's."""
    admin: "asyncpg.Connection[asyncpg.Record]"

    def webhook(self, message_id: str, wa_id: str) -> bytes:
        """The request of a WhatsApp text, signed."""
        text = WhatsAppText(
            message_id=message_id,
            wa_id=wa_id,
            phone_number_id=self.customer.org.phone_number_id,
        )
        body = whatsapp_text(text)
        headers = {
            "content-type": "application/json",
            "x-hub-signature-256": sign(self.customer.app_secret, body),
        }
        return request("POST", "/webhooks/meta", body, headers)

    def post(self, body: bytes) -> bytes:
        """The request of POST /api/leads with that JSON."""
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {self.customer.api.token}",
        }
        return request("POST", "/api/leads", body, headers)


@asynccontextmanager
async def world(
    run: Run,
    *,
    credits: int = 0,
    service_env: Mapping[str, str] | None = None,
    postgres_settings: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """Everything started, durable, with a customer who has so many credits in each workspace."""
    port = free_port()
    options = Options(
        edge_port=port,
        postgres_settings={**SETTINGS, **(postgres_settings or {})},
        service_env=dict(service_env or {}),
    )
    async with (
        running_stack(run.folder, options, run.report_progress) as stack,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
    ):
        customer = await set_up(
            session,
            edge_url=stack.edge_url,
            buyers_url=stack.buyers_url,
            keys=stack.keys,
            run="bench",
            credits=max(credits, 1),
        )
        admin = await asyncpg.connect(stack.database_url)
        try:
            await require_durable(admin)
            await make_log_files(admin)
            yield World(stack=stack, customer=customer, port=port, admin=admin)
        finally:
            await admin.close()
