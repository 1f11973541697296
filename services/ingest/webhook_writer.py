"""Writes webhooks: concurrent ones share one durable commit, which is then acknowledged."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias
from uuid import UUID

from services.chassis.batching import GroupCommit, SizeBounds
from services.chassis.database import is_outage
from services.chassis.loops import Wake
from services.ingest.config import IngestConfig
from services.ingest.meta_webhooks import PAGE_SOURCE_KINDS
from services.ingest.records.webhooks import MESSAGE, STORED, RawWebhook
from services.ingest.store import IngestStore
from services.ingest.webhook_priority import WebhookPriority

# Beside the kinds of items: an event of a page's conversation, which is handed to sync.
EVENT: Final = "event"

WebhookWriter: TypeAlias = GroupCommit[RawWebhook, None]


def webhook_writer(
    store: IngestStore, config: IngestConfig, wakes: Mapping[str, Wake], priority: WebhookPriority
) -> WebhookWriter:
    """A group commit over store_webhook_deliveries; after each flush it wakes the loops with work.

    `wakes` are the loops by the kind of their work, as `pending_kinds` has it.
    """

    async def flush(webhooks: Mapping[UUID, RawWebhook]) -> Mapping[UUID, None]:
        try:
            await store.store_webhook_deliveries(list(webhooks.values()))
        finally:
            priority.on_commit(waiting_webhooks=writer.waiting_items)
        for kind in pending_kinds(webhooks.values()) & wakes.keys():
            wakes[kind].set()
        return dict.fromkeys(webhooks)

    writer: WebhookWriter = GroupCommit(
        flush,
        batch_items_max=config.webhook_batch_max,
        waiting_items_max=config.webhooks_waiting_max,
        sizes=SizeBounds(
            size_of=size_of,
            batch_bytes_max=config.webhook_batch_bytes_max,
            waiting_bytes_max=config.webhook_bytes_waiting_max,
        ),
        is_outage=is_outage,
    )
    return writer


def pending_kinds(webhooks: Iterable[RawWebhook]) -> set[str]:
    """The kinds of work that the webhooks bring: kinds of pending items, and EVENT for sync."""
    kinds = set()
    for item in (item for webhook in webhooks for item in webhook.items):
        if item.disposition is None:
            kinds.add(item.kind)
        # What store_webhook_deliveries hands over; a loop that is woken in vain finds nothing.
        if item.disposition == STORED or (
            item.kind == MESSAGE and item.source_kind in PAGE_SOURCE_KINDS
        ):
            kinds.add(EVENT)
    return kinds


def size_of(webhook: RawWebhook) -> int:
    """Bytes that a webhook takes up until it is stored: its body, and the payloads of its items."""
    return len(webhook.body) + sum(len(item.payload) for item in webhook.items)
