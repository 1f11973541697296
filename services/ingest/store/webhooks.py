"""Webhooks as they came in, and their items on the way to an end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import TraceContext, parse
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
    token: UUID
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


class WebhookStore:
    """Raw webhooks and their items."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        self, *, kind: str, token: UUID, limit: int, in_flight_max: int, spare: int,
        busy: Mapping[UUID, int], lease_seconds: float, due_from: datetime | None = None,
    ) -> list[ClaimedItem]:  # fmt: skip
        """Claims due items of one kind for `lease_seconds`; `busy` counts those of each org that
        are worked on, of `in_flight_max` in all, `spare` for orgs with less than their share.
        """
        rows = await self._database.rows(
            "claim_webhook_items",
            p_kind=kind,
            p_token=token,
            p_limit=limit,
            p_in_flight_limit=in_flight_max,
            p_spare_count=spare,
            p_busy_org_ids=list(busy.keys()),
            p_busy_counts=list(busy.values()),
            p_lease_seconds=lease_seconds,
            p_due_from=due_from,
        )
        return [_to_item(row, token) for row in rows]

    async def settle_webhook_items(self, settlements: Sequence[ItemSettlement]) -> int:
        """Settles claimed items; those whose lease was lost stay as they are, uncounted."""
        settled: int = await self._database.value(
            "settle_webhook_items",
            p_org_ids=[each.item.org_id for each in settlements],
            p_item_ids=[each.item.item_id for each in settlements],
            p_tokens=[each.item.token for each in settlements],
            p_outcomes=[each.outcome for each in settlements],
            p_reasons=[each.reason for each in settlements],
            p_retry_after_seconds=[each.retry_after_seconds for each in settlements],
            p_attempt_trace_ids=[each.attempt_trace_id for each in settlements],
        )
        return settled

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


def _to_item(row: Record, token: UUID) -> ClaimedItem:
    return ClaimedItem(
        org_id=row["org_id"],
        item_id=row["item_id"],
        token=token,
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
