"""Webhooks of Meta's, as tests of the whole system post them."""

import secrets
from typing import Any

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from sandbox.meta_webhooks import WebhookResponse, WhatsAppText, send


async def post(
    stack: Stack,
    customer: Customer,
    body: bytes,
    *,
    secret: str | None = "",
    path: str = "/webhooks/meta",
) -> WebhookResponse:
    """Posts a webhook; with the customer's app secret unless another is given."""
    chosen = customer.app_secret if secret == "" else secret
    return await send(stack.edge_url + path, body, chosen)


def a_text(customer: Customer, **changes: Any) -> WhatsAppText:
    """A WhatsApp text of a new customer."""
    fields: dict[str, Any] = {
        "message_id": f"wamid.{secrets.token_hex(10)}",
        "wa_id": f"49151{secrets.randbelow(10**8):08d}",
        "phone_number_id": customer.org.phone_number_id,
    }
    return WhatsAppText(**(fields | changes))
