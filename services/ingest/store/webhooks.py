"""Webhooks as they came in, and their items until each is settled."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import trace_of_row
from services.ingest.records.webhooks import (
    ClaimedItem,
    ItemSettlement,
    ListedWebhookItem,
    RawWebhook,
)


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
            p_item_fates=[item.disposition for _, _, item in items],
            p_item_reasons=[item.reason for _, _, item in items],
            p_item_traceparents=[item.trace.traceparent for _, _, item in items],
        )

    async def claim_webhook_items(
        self, *, kind: str, token: UUID, limit: int, in_flight_max: int, spare: int,
        busy: Mapping[UUID, int], lease_seconds: float, due_from: datetime | None = None,
    ) -> list[ClaimedItem]:  # fmt: skip
        """Claims due items of one kind for `lease_seconds`.

        `busy` counts the items of each org that are under way. With those claimed they add up to
        at most `in_flight_max`, of which `spare` are for orgs with less than their share.
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
        self, org_id: UUID, *, status: str | None, limit: int, before: UUID | None
    ) -> list[ListedWebhookItem]:
        """A page of webhook items, newest first, of one status (None: all)."""
        rows = await self._database.rows(
            "list_webhook_items",
            p_org_id=org_id,
            p_status=status,
            p_item_id=None,
            p_limit=limit,
            p_before=before,
        )
        return [ListedWebhookItem(**row) for row in rows]

    async def get_webhook_item(self, org_id: UUID, item_id: UUID) -> ListedWebhookItem | None:
        """One item; None where the org has no such item."""
        # calls list_webhook_items: an item is read as a page of one.
        row = await self._database.row(
            "list_webhook_items", p_org_id=org_id, p_status=None, p_item_id=item_id, p_limit=1
        )
        return None if row is None else ListedWebhookItem(**row)

    async def replay_webhook_item(self, org_id: UUID, item_id: UUID, *, traceparent: str) -> None:
        """Makes a dead letter due again.

        Raises ITEM_NOT_FOUND, ITEM_NOT_DEAD, ITEM_NOT_REPLAYABLE.
        """
        await self._database.rows(
            "replay_webhook_item", p_org_id=org_id, p_item_id=item_id, p_traceparent=traceparent
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
        trace=trace_of_row(row),
        webhook_trace=trace_of_row(row, "linked_"),
    )
