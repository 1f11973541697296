"""The only module of ingest that talks SQL: one method for each stored function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.errors import DomainError
from services.chassis.requests import RequestId
from services.chassis.trace import TraceContext, parse
from services.ingest.leads import NewLead
from services.ingest.webhook_items import WebhookItem


@dataclass(frozen=True, slots=True, kw_only=True)
class RawWebhook:
    """A webhook as it came in, its signature good, with the items that it was split into."""

    delivery_id: UUID
    app_id: UUID
    path: str
    headers: Mapping[str, str]
    body: bytes
    trace: TraceContext
    caller_trace: TraceContext | None
    items: Sequence[WebhookItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedItem:
    """An item that this worker holds, with what it needs of the source."""

    org_id: UUID
    item_id: UUID
    kind: str
    external_id: str
    source_id: UUID
    source_kind: str
    source_external_id: str
    default_region: str
    access_token_ciphertext: bytes | None
    payload: str
    attempts: int
    received_at: datetime
    due_at: datetime
    trace: TraceContext
    webhook_trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSettlement:
    """What became of a claimed item: "ignored", "duplicate", "dead_letter", "retry", "returned"."""

    item: ClaimedItem
    outcome: str
    reason: str | None = None
    retry_after_seconds: float = 0
    attempt_trace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadToStore:
    """A lead on its way into the database, and on whose behalf: an item's or a request's."""

    org_id: UUID
    lead: NewLead
    trace: TraceContext
    item_id: UUID | None = None
    token: UUID | None = None
    attempt_trace_id: str | None = None
    request: RequestId = field(default_factory=RequestId)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLead:
    """What became of it; the ids are None where none was made."""

    outcome: str
    lead_id: UUID | None
    conversation_id: UUID | None


class IngestStore:
    """Ingest's schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_org(
        self, *, org_id: UUID, source_id: UUID, name: str, default_region: str,
        request: RequestId, trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """{org_id, source_id} of the org that was made."""
        answer: dict[str, Any] = await self._database.value(
            "create_org",
            p_org_id=org_id,
            p_source_id=source_id,
            p_name=name,
            p_default_region=default_region,
            **_request(request),
            p_traceparent=trace.traceparent,
        )
        return answer

    async def find_app(self, external_app_id: str) -> UUID | None:
        """The app that Meta knows by that id."""
        app_id: UUID | None = await self._database.value(
            "find_app", p_external_app_id=external_app_id
        )
        return app_id

    async def register_app(
        self, *, app_id: UUID, external_app_id: str, secret_id: UUID, secret_ciphertext: bytes,
        verify_token_id: UUID, verify_token_ciphertext: bytes, request: RequestId,
        trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """{app_id} of the app that now has these secrets too."""
        answer: dict[str, Any] = await self._database.value(
            "register_app",
            p_app_id=app_id,
            p_external_app_id=external_app_id,
            p_secret_id=secret_id,
            p_secret_ciphertext=secret_ciphertext,
            p_verify_token_id=verify_token_id,
            p_verify_token_ciphertext=verify_token_ciphertext,
            **_request(request),
            p_traceparent=trace.traceparent,
        )
        return answer

    async def list_app_secrets(self) -> list[Record]:
        """Every valid secret and verify token, sealed."""
        return await self._database.rows("list_app_secrets")

    async def create_source(
        self, *, org_id: UUID, source_id: UUID, kind: str, external_id: str, name: str,
        default_region: str, access_token_ciphertext: bytes | None, request: RequestId,
        trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """The source that was made."""
        answer: dict[str, Any] = await self._database.value(
            "create_source",
            p_org_id=org_id,
            p_source_id=source_id,
            p_kind=kind,
            p_external_id=external_id,
            p_name=name,
            p_default_region=default_region,
            p_access_token_ciphertext=access_token_ciphertext,
            **_request(request),
            p_traceparent=trace.traceparent,
        )
        return answer

    async def update_source(
        self, *, org_id: UUID, source_id: UUID, name: str | None, default_region: str | None,
        access_token_ciphertext: bytes | None, trace: TraceContext,
    ) -> dict[str, Any]:  # fmt: skip
        """The source as it stands after the change. Raises SOURCE_NOT_FOUND."""
        answer: dict[str, Any] = await self._database.value(
            "update_source",
            p_org_id=org_id,
            p_source_id=source_id,
            p_name=name,
            p_default_region=default_region,
            p_access_token_ciphertext=access_token_ciphertext,
            p_traceparent=trace.traceparent,
        )
        return answer

    async def list_sources(self, org_id: UUID, limit: int, after: UUID | None) -> list[Record]:
        """A page of sources, oldest first."""
        return await self._database.rows(
            "list_sources", p_org_id=org_id, p_limit=limit, p_after=after
        )

    async def get_api_source(self, org_id: UUID) -> Record:
        """The source behind POST /api/leads. Raises ORG_NOT_FOUND."""
        row = await self._database.row("get_api_source", p_org_id=org_id)
        if row is None:
            metadata = {"org_id": str(org_id)}
            raise DomainError("ORG_NOT_FOUND", "There is no such org.", metadata=metadata)
        return row

    async def store_webhook_deliveries(self, webhooks: Sequence[RawWebhook]) -> None:
        """Stores webhooks with their items: the commit that is acknowledged."""
        items = [(webhook, n, item) for webhook in webhooks for n, item in enumerate(webhook.items)]
        await self._database.rows(
            "store_webhook_deliveries",
            p_delivery_ids=[webhook.delivery_id for webhook in webhooks],
            p_app_ids=[webhook.app_id for webhook in webhooks],
            p_paths=[webhook.path for webhook in webhooks],
            p_headers=[dict(webhook.headers) for webhook in webhooks],
            p_bodies=[webhook.body for webhook in webhooks],
            p_traceparents=[webhook.trace.traceparent for webhook in webhooks],
            p_linked_traceparents=[
                webhook.caller_trace.traceparent if webhook.caller_trace else None
                for webhook in webhooks
            ],
            p_item_delivery_ids=[webhook.delivery_id for webhook, _, _ in items],
            p_item_ids=[item.item_id for _, _, item in items],
            p_item_ordinals=[ordinal for _, ordinal, _ in items],
            p_item_kinds=[item.kind for _, _, item in items],
            p_item_external_ids=[item.external_id for _, _, item in items],
            p_item_source_kinds=[item.source_kind for _, _, item in items],
            p_item_source_external_ids=[item.source_external_id for _, _, item in items],
            p_item_payloads=[item.payload for _, _, item in items],
            p_item_fates=[item.fate for _, _, item in items],
            p_item_reasons=[item.reason for _, _, item in items],
            p_item_traceparents=[item.trace.traceparent for _, _, item in items],
        )

    async def claim_webhook_items(
        self, *, kind: str, token: UUID, limit: int, lease_seconds: float,
        due_from: datetime | None = None,
    ) -> list[ClaimedItem]:  # fmt: skip
        """Claims due items of one kind, oldest due first, for `lease_seconds`."""
        rows = await self._database.rows(
            "claim_webhook_items",
            p_kind=kind,
            p_token=token,
            p_limit=limit,
            p_lease_seconds=lease_seconds,
            p_due_from=due_from,
        )
        return [_to_item(row) for row in rows]

    async def settle_webhook_items(self, token: UUID, settlements: Sequence[ItemSettlement]) -> int:
        """Settles claimed items; those whose lease was lost stay as they are, uncounted."""
        settled: int = await self._database.value(
            "settle_webhook_items",
            p_org_ids=[each.item.org_id for each in settlements],
            p_item_ids=[each.item.item_id for each in settlements],
            p_tokens=[token] * len(settlements),
            p_outcomes=[each.outcome for each in settlements],
            p_reasons=[each.reason for each in settlements],
            p_retry_after_seconds=[each.retry_after_seconds for each in settlements],
            p_attempt_trace_ids=[each.attempt_trace_id for each in settlements],
        )
        return settled

    async def upsert_lead_sources(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """Which of the items make the lead that they name; the others are duplicates."""
        rows = await self._database.rows(
            "upsert_lead_sources",
            p_org_ids=[item.org_id for item in items],
            p_source_ids=[item.source_id for item in items],
            p_external_ids=[item.external_id for item in items],
            p_item_ids=[item.item_id for item in items],
            p_traceparents=[item.trace.traceparent for item in items],
        )
        return {row["item_id"] for row in rows if row["owned"]}

    async def create_leads_with_conversations(
        self, leads: Sequence[LeadToStore]
    ) -> dict[UUID, StoredLead]:
        """What became of each lead, by the id it was to have."""
        rows = await self._database.rows(
            "create_leads_with_conversations",
            p_org_ids=[each.org_id for each in leads],
            p_lead_ids=[each.lead.lead_id for each in leads],
            p_leads=[to_json(each.lead) for each in leads],
            p_traceparents=[each.trace.traceparent for each in leads],
            p_item_ids=[each.item_id for each in leads],
            p_attempt_trace_ids=[each.attempt_trace_id for each in leads],
            p_request_ids=[each.request.value for each in leads],
            p_request_hashes=[each.request.content_hash for each in leads],
            p_tokens=[each.token for each in leads],
        )
        return {
            row["new_lead_id"]: StoredLead(
                outcome=row["outcome"],
                lead_id=row["lead_id"],
                conversation_id=row["conversation_id"],
            )
            for row in rows
        }

    async def get_lead(self, org_id: UUID, lead_id: UUID) -> Record:
        """One lead. Raises LEAD_NOT_FOUND."""
        row = await self._database.row("list_leads", p_org_id=org_id, p_lead_id=lead_id, p_limit=1)
        if row is None:
            metadata = {"lead_id": str(lead_id)}
            raise DomainError("LEAD_NOT_FOUND", "There is no such lead.", metadata=metadata)
        return row

    async def list_leads(self, org_id: UUID, limit: int, before: UUID | None) -> list[Record]:
        """A page of leads, newest first."""
        return await self._database.rows(
            "list_leads", p_org_id=org_id, p_lead_id=None, p_limit=limit, p_before=before
        )

    async def list_webhook_items(
        self, org_id: UUID, status: str | None, limit: int, before: UUID | None
    ) -> list[Record]:
        """A page of webhook items, newest first."""
        return await self._database.rows(
            "list_webhook_items",
            p_org_id=org_id,
            p_status=status,
            p_item_id=None,
            p_limit=limit,
            p_before=before,
        )

    async def replay_webhook_item(
        self, org_id: UUID, item_id: UUID, trace: TraceContext
    ) -> Record | None:
        """Puts a dead letter back to work and answers it. Raises ITEM_NOT_FOUND, ITEM_NOT_DEAD."""
        await self._database.rows(
            "replay_webhook_item",
            p_org_id=org_id,
            p_item_id=item_id,
            p_traceparent=trace.traceparent,
        )
        return await self._database.row(
            "list_webhook_items", p_org_id=org_id, p_status=None, p_item_id=item_id, p_limit=1
        )

    async def sweep_ticks(self, traceparent: str) -> int | None:
        """Forgets old ticks."""
        swept: int | None = await self._database.value("sweep_ticks", p_traceparent=traceparent)
        return swept


def to_json(lead: NewLead) -> dict[str, Any]:
    """The lead as create_leads_with_conversations documents it."""
    message = lead.message
    return {
        "contact_id": str(lead.contact_id),
        "conversation_id": str(lead.conversation_id),
        "outbox_id": str(lead.outbox_id),
        "source_id": str(lead.source_id),
        "source_kind": lead.source_kind,
        "type": lead.type,
        "identities": [{"kind": each.kind, "value": each.value} for each in lead.identities],
        "phone": lead.phone,
        "phone_raw": lead.phone_raw,
        "email": lead.email,
        "full_name": lead.full_name,
        "details": lead.details,
        "answers": [{"name": each.name, "values": list(each.values)} for each in lead.answers],
        "consents": dict(lead.consents),
        "received_at": lead.received_at.isoformat(),
        "external_id": lead.external_id,
        "first_contact": lead.first_contact,
        "message": message
        and {
            "message_id": str(message.message_id),
            "external_id": message.external_id,
            "body": message.body,
            "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        },
    }


def _request(request: RequestId) -> dict[str, Any]:
    return {"p_request_id": request.value, "p_request_hash": request.content_hash}


def _to_item(row: Record) -> ClaimedItem:
    return ClaimedItem(
        org_id=row["org_id"],
        item_id=row["item_id"],
        kind=row["kind"],
        external_id=row["external_id"] or "",
        source_id=row["source_id"],
        source_kind=row["source_kind"],
        source_external_id=row["source_external_id"],
        default_region=row["default_region"],
        access_token_ciphertext=row["access_token_ciphertext"],
        payload=row["payload"],
        attempts=row["attempts"],
        received_at=row["received_at"],
        due_at=row["due_at"],
        trace=_trace(row["traceparent"]),
        webhook_trace=_trace(row["linked_traceparent"]),
    )


def _trace(traceparent: str) -> TraceContext:
    trace = parse(traceparent)
    if trace is None:
        raise ValueError("a row's traceparent is checked by its column")
    return trace
