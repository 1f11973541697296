"""Receives a webhook: is it Meta's, what is in it, and one durable commit before the answer.

Concurrent webhooks share a commit. Nothing else happens before 200: Messenger unsubscribes an app
whose answers are slow or missing for an hour.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final
from uuid import UUID

from services.chassis.batching import GroupCommit, SizeBounds
from services.chassis.database import is_outage
from services.chassis.errors import DomainError, Violation, invalid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.trace import TraceContext
from services.ingest.app_secrets import AppSecrets
from services.ingest.config import IngestConfig
from services.ingest.precedence import Precedence
from services.ingest.store import IngestStore
from services.ingest.store.webhooks import RawWebhook
from services.ingest.text import clean
from services.ingest.webhook_items import (
    MESSAGE,
    PAGES,
    STORED,
    NotJsonError,
    WebhookItem,
    split,
)

# Beside the kinds of items: what sync is told of a page's conversation.
EVENT: Final = "event"
SIGNATURE_HEADER: Final = "X-Hub-Signature-256"
# What a later reader of the raw webhook may need; tokens and addresses of callers are not kept.
_KEPT_HEADERS: Final = (
    "content-type", "user-agent", "x-hub-signature-256", "x-request-id", "traceparent",
)  # fmt: skip

# What is signed is the bytes as sent; Meta sends them as they are, so nothing here unpacks them.
_PLAIN_ENCODINGS: Final = ("", "identity")

Writer = GroupCommit[RawWebhook, None]


def webhook_writer(
    store: IngestStore, config: IngestConfig, wakes: Mapping[str, Wake], precedence: Precedence
) -> AbstractAsyncContextManager[Writer]:
    """A group commit over store_webhook_deliveries; after each flush it wakes who finds work."""

    async def flush(webhooks: Mapping[UUID, RawWebhook]) -> Mapping[UUID, None]:
        try:
            await store.store_webhook_deliveries(list(webhooks.values()))
        finally:
            precedence.committed(waiting_items=writer.waiting_items)
        for kind in what_waits(webhooks.values()) & wakes.keys():
            wakes[kind].set()
        return dict.fromkeys(webhooks)

    writer: Writer = GroupCommit(
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


def what_waits(webhooks: Iterable[RawWebhook]) -> set[str]:
    """What the webhooks leave to be done: open items by their kind, and EVENT for sync to hear."""
    waiting = set()
    for item in (item for webhook in webhooks for item in webhook.items):
        if item.fate is None:
            waiting.add(item.kind)
        # What store_webhook_deliveries hands over; who it says too much of looks and finds nothing.
        if item.fate == STORED or (item.kind == MESSAGE and item.source_kind in PAGES):
            waiting.add(EVENT)
    return waiting


def size_of(webhook: RawWebhook) -> int:
    """Bytes that a webhook takes up until it is stored: its body, and again what was split off."""
    return len(webhook.body) + sum(len(item.payload) for item in webhook.items)


class EncodedBodyError(Exception):
    """The body is compressed or encoded otherwise; it was signed, and is not stored."""


class Receiver:
    """Decides what a webhook request is worth."""

    def __init__(self, writer: Writer, secrets: AppSecrets, *, items_max: int) -> None:
        self._writer = writer
        self._secrets = secrets
        self._items_max = items_max

    async def knows_verify_token(self, token: str) -> bool:
        """Whether the token is one of an app's."""
        return await self._secrets.knows_verify_token(token)

    async def receive(
        self,
        *,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        trace: TraceContext,
        caller_trace: TraceContext | None,
    ) -> RawWebhook:
        """Stores the webhook and answers it as stored.

        Raises TOKEN_REFUSED where no app signed it, INVALID_REQUEST where it is no JSON or has too
        many items, UNAVAILABLE; `EncodedBodyError`, `Overloaded`.
        """
        app_id = await self._secrets.app_that_signed(body, headers.get(SIGNATURE_HEADER))
        if app_id is None:
            text = f"No app of ours signed this body: check {SIGNATURE_HEADER} and the app secret."
            raise DomainError("TOKEN_REFUSED", text, metadata={"cause": "signature"})
        if headers.get("content-encoding", "").strip().lower() not in _PLAIN_ENCODINGS:
            raise EncodedBodyError
        webhook = RawWebhook(
            delivery_id=new_id(),
            app_id=app_id,
            path=path,
            headers={name: clean(headers[name]) for name in _KEPT_HEADERS if name in headers},
            body=body,
            trace=trace,
            caller_trace=caller_trace,
            items=self._items(body),
        )
        await self._writer.submit(webhook.delivery_id, webhook)
        return webhook

    def _items(self, body: bytes) -> list[WebhookItem]:
        try:
            items = split(body)
        except NotJsonError as error:
            raise invalid(Violation(field="body", description=f"is {error}")) from None
        if len(items) > self._items_max:
            text = f"has {len(items)} items; {self._items_max} are the most"
            raise invalid(Violation(field="body", description=text))
        return items
