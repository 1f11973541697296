"""Receives a webhook: checks its signature, splits it, and stores it before it is acknowledged.

Nothing else happens before 200: Messenger unsubscribes an app whose answers are slow or missing for
an hour.
"""

from collections.abc import Mapping
from typing import Final

from services.chassis.ids import new_id
from services.chassis.trace import TraceContext
from services.ingest.app_secrets import AppSecrets
from services.ingest.meta_webhooks import NotJsonError, split_webhook
from services.ingest.records.webhooks import RawWebhook, WebhookItem
from services.ingest.refusals import not_json, not_signed, too_many_items
from services.ingest.storable_text import clean_text
from services.ingest.webhook_writer import WebhookWriter

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"
# What a later reader of the raw webhook may need; tokens and addresses of callers are not stored.
_STORED_HEADERS: Final = (
    "content-type", "user-agent", "x-hub-signature-256", "x-request-id", "traceparent",
)  # fmt: skip

# The signature covers the bytes as sent; Meta does not compress them, so nothing here unpacks them.
_PLAIN_ENCODINGS: Final = ("", "identity")


class EncodedBodyError(Exception):
    """The body is signed, but compressed or encoded otherwise; it is not stored."""


class WebhookReceiver:
    """Stores webhooks that one of the registered apps signed."""

    def __init__(self, writer: WebhookWriter, secrets: AppSecrets, *, items_max: int) -> None:
        self._writer = writer
        self._secrets = secrets
        self._items_max = items_max

    async def knows_verify_token(self, token: str) -> bool:
        """Whether the token is an app's verify token."""
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
        """Stores the webhook and returns it as stored.

        Raises TOKEN_REFUSED where no app signed it, INVALID_REQUEST where it is not JSON or has too
        many items, UNAVAILABLE; `EncodedBodyError`, `Overloaded`.
        """
        app_id = await self._secrets.app_that_signed(body, headers.get(SIGNATURE_HEADER))
        if app_id is None:
            raise not_signed(SIGNATURE_HEADER)
        if headers.get("content-encoding", "").strip().lower() not in _PLAIN_ENCODINGS:
            raise EncodedBodyError
        webhook = RawWebhook(
            delivery_id=new_id(),
            app_id=app_id,
            path=path,
            headers={
                name: clean_text(headers[name]) for name in _STORED_HEADERS if name in headers
            },
            body=body,
            trace=trace,
            caller_trace=caller_trace,
            items=self._items(body),
        )
        await self._writer.submit(webhook.delivery_id, webhook)
        return webhook

    def _items(self, body: bytes) -> list[WebhookItem]:
        try:
            items = split_webhook(body)
        except NotJsonError as error:
            raise not_json(str(error)) from None
        if len(items) > self._items_max:
            raise too_many_items(len(items), self._items_max)
        return items
