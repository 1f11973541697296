"""Webhooks as Meta sends them: builders of bodies, the signature, the sender.

Every builder returns the bytes for the wire. Defaults make a valid event; pass what matters.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.meta_json import meta_bytes, sign, sign_sha1

__all__ = [
    "LeadChange",
    "PageMessage",
    "WebhookResponse",
    "WhatsAppText",
    "handshake",
    "instagram_text",
    "leadgen",
    "leadgen_as_text",
    "messenger_delivery",
    "messenger_echo",
    "messenger_read",
    "messenger_text",
    "meta_bytes",
    "send",
    "sign",
    "whatsapp_text",
]

# Messenger and Instagram webhooks count as failed after 5 s.
_ANSWER_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChange:
    """One lead in a leadgen webhook; `created_time` in unix seconds, no personal data."""

    leadgen_id: int
    page_id: int = 700100200300
    form_id: int = 700400500600
    ad_id: int | None = 700700800900
    adgroup_id: int | None = 700700800901
    created_time: int = 1790000000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMessage:
    """One message between a person and a page; `timestamp` in milliseconds."""

    mid: str
    text: str = "Is it still free?"
    person_id: str = "8100200300400500"
    page_id: str = "700100200300"
    timestamp: int = 1790000000123


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatsAppText:
    """One WhatsApp text; `wa_id` None with a `user_id` is a person without a visible number."""

    message_id: str
    text: str = "Is it still free?"
    wa_id: str | None = "4915550100200"
    user_id: str | None = None
    profile_name: str = "Änne Example"
    phone_number_id: str = "600100200300"
    display_phone_number: str = "4915550999000"
    account_id: str = "600900800700"
    timestamp: int = 1790000000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookResponse:
    """What the receiver answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def leadgen(*changes: LeadChange) -> bytes:
    """Leads of one page in one entry, ids as numbers; an organic lead has `ad_id` 0."""

    def value(change: LeadChange) -> dict[str, Any]:
        return {
            "leadgen_id": change.leadgen_id,
            "page_id": change.page_id,
            "form_id": change.form_id,
            "adgroup_id": change.adgroup_id or 0,
            "ad_id": change.ad_id or 0,
            "created_time": change.created_time,
        }

    page_id = changes[0].page_id
    return _leadgen(page_id, changes, [value(change) for change in changes])


def leadgen_as_text(*changes: LeadChange) -> bytes:
    """The same with ids as strings and no ad, as other senders of Meta's write it."""

    def value(change: LeadChange) -> dict[str, Any]:
        return {
            "form_id": str(change.form_id),
            "leadgen_id": str(change.leadgen_id),
            "created_time": change.created_time,
            "page_id": str(change.page_id),
        }

    page_id = str(changes[0].page_id)
    return _leadgen(page_id, changes, [value(change) for change in changes])


def _leadgen(
    page_id: int | str, changes: Sequence[LeadChange], values: Sequence[Mapping[str, Any]]
) -> bytes:
    entry = {
        "id": page_id,
        # The time of sending, which is later than every event in it.
        "time": max(change.created_time for change in changes) + 1,
        "changes": [{"field": "leadgen", "value": value} for value in values],
    }
    return meta_bytes({"object": "page", "entry": [entry]})


def whatsapp_text(*messages: WhatsAppText) -> bytes:
    """Texts to one business number in one change; give one twice to send it twice."""
    first = messages[0]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": first.display_phone_number,
            "phone_number_id": first.phone_number_id,
        },
        "contacts": [_whatsapp_contact(message) for message in dict.fromkeys(messages)],
        "messages": [_whatsapp_message(message) for message in messages],
    }
    entry = {"id": first.account_id, "changes": [{"value": value, "field": "messages"}]}
    return meta_bytes({"object": "whatsapp_business_account", "entry": [entry]})


def _present(**fields: str | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _whatsapp_contact(message: WhatsAppText) -> dict[str, Any]:
    ids = _present(wa_id=message.wa_id, user_id=message.user_id)
    return {"profile": {"name": message.profile_name}, **ids}


def _whatsapp_message(message: WhatsAppText) -> dict[str, Any]:
    return {
        **_present(**{"from": message.wa_id, "from_user_id": message.user_id}),
        "id": message.message_id,
        "timestamp": str(message.timestamp),
        "type": "text",
        "text": {"body": message.text},
    }


def _messaging(kind: str, message: PageMessage, event: Mapping[str, Any]) -> bytes:
    whole = {
        "sender": {"id": message.person_id},
        "recipient": {"id": message.page_id},
        "timestamp": message.timestamp,
        **event,
    }
    entry = {"id": message.page_id, "time": message.timestamp + 400, "messaging": [whole]}
    return meta_bytes({"object": kind, "entry": [entry]})


def messenger_text(message: PageMessage) -> bytes:
    """A person wrote to the page."""
    return _messaging("page", message, {"message": {"mid": message.mid, "text": message.text}})


def instagram_text(message: PageMessage) -> bytes:
    """A person wrote to the Instagram account `page_id`."""
    content = {"mid": message.mid, "text": message.text}
    return _messaging("instagram", message, {"message": content})


def messenger_echo(message: PageMessage, *, app_id: int | None = 500100200) -> bytes:
    """The page wrote to the person (sender is the page); `app_id` None: by hand, not by an app."""
    content: dict[str, Any] = {"mid": message.mid, "text": message.text, "is_echo": True}
    if app_id is not None:
        content["app_id"] = app_id
    sides = {"sender": {"id": message.page_id}, "recipient": {"id": message.person_id}}
    return _messaging("page", message, {**sides, "message": content})


def messenger_read(message: PageMessage) -> bytes:
    """The person has read all up to `timestamp`: a watermark, no message id."""
    return _messaging("page", message, {"read": {"watermark": message.timestamp}})


def messenger_delivery(message: PageMessage) -> bytes:
    """The message reached the person."""
    content = {"mids": [message.mid], "watermark": message.timestamp}
    return _messaging("page", message, {"delivery": content})


async def send(
    url: str,
    body: bytes,
    secret: str | None,
    *,
    headers: Mapping[str, str] | None = None,
) -> WebhookResponse:
    """Posts a webhook once, signed with the app secret; None: unsigned.

    Redirects are not followed. Raises TimeoutError after 5 s and aiohttp.ClientError.
    """
    signed: dict[str, str] = {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
    }
    if secret is not None:
        signed["X-Hub-Signature-256"] = sign(secret, body)
        signed["X-Hub-Signature"] = sign_sha1(secret, body)
    return await _request("POST", url, data=io.BytesIO(body), headers={**signed, **(headers or {})})


async def handshake(url: str, verify_token: str, challenge: str = "1158201444") -> WebhookResponse:
    """Meta's check of a new subscription: the receiver answers 200 with the challenge."""
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": verify_token,
    }
    return await _request("GET", url, params=query)


async def _request(method: str, url: str, **content: Any) -> WebhookResponse:
    limit = aiohttp.ClientTimeout(total=_ANSWER_SECONDS_MAX)
    async with (
        aiohttp.ClientSession(timeout=limit) as session,
        session.request(method, url, allow_redirects=False, **content) as answer,
    ):
        return WebhookResponse(
            status=answer.status, body=await answer.read(), headers=dict(answer.headers)
        )
