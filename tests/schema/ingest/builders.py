"""Orgs, sources, webhooks, items and leads in ingest's schema, as its own role makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from services.chassis.database import Database, Record
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import TraceContext, new_root
from services.ingest.records.leads import (
    ContactIdentity,
    IncomingLead,
    IncomingMessage,
    LeadToStore,
    StoredLead,
)
from services.ingest.records.sources import OrgToCreate, SourceToCreate
from services.ingest.records.webhooks import (
    LEADGEN,
    ClaimedItem,
    ItemSettlement,
    RawWebhook,
    WebhookItem,
)
from services.ingest.store import IngestStore

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE_SECONDS = 120.0
PAGE = "700100200300"
NUMBER = "600100200300"
PHONE = "+491712345678"
APP = "500100200"


class At(Database):
    """The same database at another time: every call says when it is."""

    def __init__(self, database: Database, now: datetime) -> None:
        super().__init__(database._pool, database.schema)
        self._now = now

    async def rows(self, function: str, **arguments: Any) -> list[Record]:
        return await super().rows(function, **arguments, p_now=self._now)


def at(database: Database, now: datetime = NOW) -> IngestStore:
    """Ingest's store, at that time; for functions that write."""
    return IngestStore(At(database, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """An org with the source behind POST /api/leads."""

    org_id: UUID
    source_id: UUID


async def an_org(database: Database, *, region: str = "DE") -> Org:
    """A new org."""
    created = await at(database).create_org(
        new_id(), OrgToCreate(name="Acme", default_region=region), source_id=new_id(),
        request_id=RequestId(), traceparent=new_root().traceparent,
    )  # fmt: skip
    return Org(org_id=created.org_id, source_id=created.source_id)


async def a_source(
    database: Database, org_id: UUID, *, kind: str = "meta_page", external_id: str = PAGE
) -> UUID:
    """A new source of the org, in the directory."""
    source = SourceToCreate(
        kind=kind, external_id=external_id, name="", default_region="DE", access_token=""
    )
    created = await at(database).create_source(
        org_id, source, source_id=new_id(), access_token_ciphertext=None, request_id=RequestId(),
        traceparent=new_root().traceparent,
    )  # fmt: skip
    return created.source_id


async def register_app(
    database: Database,
    app_id: UUID,
    request_id: RequestId | None = None,
    *,
    external_app_id: str = APP,
) -> UUID:
    """Registers the app, or adds a secret and a verify token to it."""
    return await at(database).register_app(
        app_id,
        external_app_id,
        secret_id=new_id(),
        secret_ciphertext=b"s",
        verify_token_id=new_id(),
        verify_token_ciphertext=b"v",
        request_id=request_id or RequestId(),
        traceparent=new_root().traceparent,
    )


def an_item(
    *,
    kind: str = LEADGEN,
    external_id: str | None = "900100",
    page: str | None = PAGE,
    source_kind: str = "meta_page",
    disposition: str | None = None,
    reason: str | None = None,
) -> WebhookItem:
    """One update of a webhook."""
    return WebhookItem(
        kind=kind,
        payload="{}",
        external_id=external_id,
        source_kind=source_kind,
        source_external_id=page,
        disposition=disposition,
        reason=reason or ("because" if disposition else None),
    )


def a_webhook(*items: WebhookItem) -> RawWebhook:
    """A raw webhook with these items."""
    return RawWebhook(
        delivery_id=new_id(), app_id=new_id(), path="/webhooks/meta", headers={"a": "b"},
        body=b'{"object":"page"}', trace=new_root(), caller_trace=None, items=items,
    )  # fmt: skip


async def receive(database: Database, *webhooks: RawWebhook, now: datetime = NOW) -> None:
    """Stores webhooks."""
    await at(database, now).store_webhook_deliveries(webhooks)


async def claim(
    database: Database,
    *,
    kind: str = LEADGEN,
    token: UUID | None = None,
    now: datetime = NOW,
    limit: int = 100,
    in_flight_max: int = 1000,
    spare: int = 0,
    busy: Mapping[UUID, int] | None = None,
) -> list[ClaimedItem]:
    """Claims due items for LEASE_SECONDS."""
    return await at(database, now).claim_webhook_items(
        kind=kind, token=token or new_id(), limit=limit, in_flight_max=in_flight_max, spare=spare,
        busy=busy or {}, lease_seconds=LEASE_SECONDS,
    )  # fmt: skip


async def settle(
    database: Database, token: UUID, item: ClaimedItem, outcome: str, *,
    now: datetime = NOW, reason: str | None = None, retry_after_seconds: float = 0,
) -> int:  # fmt: skip
    """Settles one item; answers how many were."""
    settlement = ItemSettlement(
        item=replace(item, token=token), outcome=outcome, reason=reason,
        retry_after_seconds=retry_after_seconds, attempt_trace_id=new_root().trace_id,
    )  # fmt: skip
    return await at(database, now).settle_webhook_items([settlement])


async def a_claimed_item(
    database: Database, *, kind: str = LEADGEN, external_id: str = "900100", now: datetime = NOW,
    page: str = PAGE, source_kind: str = "meta_page",
) -> tuple[UUID, ClaimedItem]:  # fmt: skip
    """An item received and claimed: the token that holds it, and it."""
    item = an_item(kind=kind, external_id=external_id, page=page, source_kind=source_kind)
    await receive(database, a_webhook(item), now=now)
    token = new_id()
    claimed = await claim(database, kind=kind, token=token, now=now)
    return token, next(each for each in claimed if each.item_id == item.item_id)


def a_new_lead(
    source_id: UUID,
    *,
    phone: str = PHONE,
    email: str = "",
    also: Sequence[ContactIdentity] = (),
    external_id: str | None = None,
    message: IncomingMessage | None = None,
    first_contact: bool = False,
) -> IncomingLead:
    """A lead about to be stored."""
    known = [("phone", phone), ("email", email)]
    identities = [ContactIdentity(kind=kind, value=value) for kind, value in known if value]
    return IncomingLead(
        source_id=source_id, source_kind="api", type="inquiry", received_at=NOW,
        identities=(*identities, *also), phone=phone, phone_raw=phone, email=email,
        full_name="Ada Lovelace", external_id=external_id, message=message,
        first_contact=first_contact,
    )  # fmt: skip


def a_message(external_id: str | None = "wamid.1", body: str = "hello") -> IncomingMessage:
    """A message of a customer."""
    return IncomingMessage(body=body, external_id=external_id)


def called(
    org: Org, lead: IncomingLead | None = None, *, request: RequestId | None = None,
    trace: TraceContext | None = None,
) -> LeadToStore:  # fmt: skip
    """A lead that a caller sent."""
    return LeadToStore(
        org_id=org.org_id,
        lead=lead or a_new_lead(org.source_id),
        traceparent=(trace or new_root()).traceparent,
        request_id=request or RequestId(),
    )


def of_item(token: UUID, item: ClaimedItem, lead: IncomingLead) -> LeadToStore:
    """A lead that a webhook item brings."""
    return LeadToStore(
        org_id=item.org_id, lead=lead, traceparent=item.trace.traceparent,
        item_id=item.item_id, token=token, attempt_trace_id=new_root().trace_id,
    )  # fmt: skip


async def create(database: Database, *leads: LeadToStore, now: datetime = NOW) -> list[StoredLead]:
    """Creates leads in one call; what became of each, in order."""
    made = await at(database, now).create_leads_with_conversations(leads)
    return [made[each.lead.lead_id] for each in leads]


async def a_lead_item(
    database: Database, source_id: UUID, *, external_id: str = "900100", now: datetime = NOW,
    phone: str = PHONE,
) -> tuple[ClaimedItem, StoredLead]:  # fmt: skip
    """A Lead Ads item on its whole way: received, claimed, owned, stored."""
    token, item = await a_claimed_item(database, external_id=external_id, now=now)
    await at(database, now).upsert_lead_sources([item])
    lead = a_new_lead(source_id, external_id=external_id, phone=phone)
    (stored,) = await create(database, of_item(token, item, lead), now=now)
    return item, stored


async def count(admin: Admin, table: str, where: str = "true") -> int:
    """Rows of a table of ingest's."""
    counted: int = await admin.fetchval(f"select count(*) from ingest.{table} where {where}")
    return counted


NOTHING_STORED = ("contacts", "contact_identities", "conversations", "messages", "leads", "outbox")


async def rows_of_leads(admin: Admin) -> dict[str, int]:
    """How many rows each table has that a lead is made of."""
    return {table: await count(admin, table) for table in NOTHING_STORED}


def later(seconds: float) -> datetime:
    """That long after NOW."""
    return NOW + timedelta(seconds=seconds)
