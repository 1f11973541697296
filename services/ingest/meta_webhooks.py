"""Splits Meta's webhooks into items, each with a disposition of its own.

Shapes: Meta's webhook documentation for Lead Ads, Messenger, Instagram and WhatsApp. Ids come as
numbers or text and become text; unknown shapes are stored, not refused. A tolerant reader: what is
not an object where one is expected becomes a dead letter that says so.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from services.ingest.records.webhooks import (
    DEAD_LETTER,
    IGNORED,
    LEADGEN,
    MESSAGE,
    STORED,
    WebhookItem,
)
from services.ingest.storable_text import clean_text

_MESSAGING_KINDS: Final = (
    "postback", "reaction", "read", "delivery", "message_edit", "optin", "referral",
    "policy-enforcement", "pass_thread_control", "take_thread_control", "request_thread_control",
    "account_linking",
)  # fmt: skip
# WhatsApp messages that change or report on others; the rest is something a customer says.
_WHATSAPP_EVENTS: Final = ("reaction", "edit", "revoke", "system", "unsupported", "ephemeral")
# What happens in a conversation without making a lead: it is handed to sync.
_TIMELINE_KINDS: Final = ("postback", "reaction", "read", "delivery", "message_edit")
_PLATFORMS: Final = {"page": "meta_page", "instagram": "instagram_account"}
# Kinds of source whose conversations sync has.
PAGE_SOURCE_KINDS: Final = frozenset(_PLATFORMS.values())


class NotJsonError(Exception):
    """The body is not JSON; the text says where it stops being JSON, and quotes nothing."""


def split_webhook(body: bytes) -> list[WebhookItem]:
    """Every item of a webhook, in order. Raises NotJsonError."""
    try:
        webhook = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
        # Writing an item's payload goes a little deeper than reading it did.
        return list(_items(webhook))
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    except ValueError as error:
        position = getattr(error, "pos", None)
        raise NotJsonError(f"not JSON at byte {position}" if position else "not JSON") from None


def _refuse_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(text: str) -> float | str:
    """The number; its text where no float is that large: the json type takes no Infinity."""
    number = float(text)
    return number if math.isfinite(number) else text


def _items(webhook: Any) -> Iterator[WebhookItem]:
    kind = webhook.get("object") if isinstance(webhook, dict) else None
    if kind not in (*_PLATFORMS, "whatsapp_business_account"):
        yield _ignored("unknown", webhook, "unknown_object")
        return
    entries = webhook.get("entry")
    if not isinstance(entries, list) or not entries:
        yield _ignored(f"{kind}.empty", webhook, "no_entry")
        return
    for entry in entries:
        if not isinstance(entry, dict):
            yield _dead(kind, entry, "entry is not an object")
        elif kind == "whatsapp_business_account":
            yield from _whatsapp_entry(entry)
        else:
            yield from _page_entry(entry, _PLATFORMS[kind])


def _page_entry(entry: dict[str, Any], source_kind: str) -> Iterator[WebhookItem]:
    owner = {"source_kind": source_kind, "source_external_id": to_id(entry.get("id"))}
    changes, messaging = _list(entry, "changes"), _list(entry, "messaging")
    standby = _list(entry, "standby")
    for change in changes:
        yield _page_change(change, owner)
    for event in messaging:
        yield _messaging_event(event, owner)
    for event in standby:
        yield _ignored("standby", event, "another_app_has_the_thread", **owner)
    if not (changes or messaging or standby):
        yield _ignored("entry", entry, "no_updates", **owner)


def _page_change(change: Any, owner: dict[str, Any]) -> WebhookItem:
    if not isinstance(change, dict):
        return _dead("change", change, "change is not an object", **owner)
    if change.get("field") != "leadgen":
        return _ignored(_name("change", change.get("field")), change, "field_not_handled", **owner)
    value = change.get("value")
    if not isinstance(value, dict):
        return _dead(LEADGEN, change, "no value", **owner)
    lead_id = to_id(value.get("leadgen_id"))
    if lead_id is None:
        return _dead(LEADGEN, change, "no leadgen_id", **owner)
    # Instagram's leads arrive at the page that owns them, whatever the entry says.
    page_id = to_id(value.get("page_id")) or owner["source_external_id"]
    owner = {"source_kind": "meta_page", "source_external_id": page_id}
    return _item(LEADGEN, value, lead_id, **owner)


def _messaging_event(event: Any, owner: dict[str, Any]) -> WebhookItem:
    if not isinstance(event, dict):
        return _dead("messaging", event, "event is not an object", **owner)
    message = event.get("message")
    if message is None:
        known = next((kind for kind in _MESSAGING_KINDS if kind in event), "messaging")
        if known in _TIMELINE_KINDS:
            return _for_sync(known, event, _subject_of(event[known]), **owner)
        return _ignored(known, event, "event_not_handled", **owner)
    message_id = to_id(message.get("mid")) if isinstance(message, dict) else None
    if message_id is None:
        return _dead(MESSAGE, event, "no mid", **owner)
    for flag, kind in (("is_echo", "echo"), ("is_deleted", "deleted"), ("is_unsupported", "other")):
        if message.get(flag):
            return _for_sync(kind, event, message_id, **owner)
    return _item(MESSAGE, event, message_id, **owner)


def _whatsapp_entry(entry: dict[str, Any]) -> Iterator[WebhookItem]:
    changes = _list(entry, "changes")
    if not changes:
        yield _ignored("whatsapp.entry", entry, "no_updates")
    for change in changes:
        value = change.get("value") if isinstance(change, dict) else None
        if not isinstance(value, dict):
            yield _dead("whatsapp.change", change, "change has no value")
            continue
        yield from _whatsapp_change(change, value)


def _whatsapp_change(change: dict[str, Any], value: dict[str, Any]) -> Iterator[WebhookItem]:
    metadata = value.get("metadata")
    number = to_id(metadata.get("phone_number_id")) if isinstance(metadata, dict) else None
    owner = {"source_kind": "whatsapp_number", "source_external_id": number}
    if change.get("field") != "messages":
        kind = _name("whatsapp", change.get("field"))
        yield _ignored(kind, change, "field_not_handled", **owner)
        return
    messages, statuses = _list(value, "messages"), _list(value, "statuses")
    contacts = _list(value, "contacts")
    for message in messages:
        yield _whatsapp_message(message, contacts, owner)
    for status in statuses:
        external_id = to_id(status.get("id")) if isinstance(status, dict) else None
        yield _ignored("status", status, "event_not_handled", external_id=external_id, **owner)
    if not (messages or statuses):
        yield _ignored("whatsapp.errors", value, "no_updates", **owner)


def _whatsapp_message(message: Any, contacts: list[Any], owner: dict[str, Any]) -> WebhookItem:
    message_id = to_id(message.get("id")) if isinstance(message, dict) else None
    if message_id is None:
        return _dead(MESSAGE, message, "no message id", **owner)
    if message.get("type") in _WHATSAPP_EVENTS:
        kind = _name("message", message["type"])
        return _ignored(kind, message, "event_not_handled", external_id=message_id, **owner)
    if message.get("group_id"):
        return _ignored("message.group", message, "group", external_id=message_id, **owner)
    contact = _contact_of(message, contacts)
    return _item(MESSAGE, {"message": message, "contact": contact}, message_id, **owner)


def _contact_of(message: dict[str, Any], contacts: list[Any]) -> dict[str, Any]:
    """The entry in `contacts` of the message's sender; with one sender it is the only entry."""
    keys = {to_id(message.get("from")), to_id(message.get("from_user_id"))} - {None}
    known = [contact for contact in contacts if isinstance(contact, dict)]
    for contact in known:
        if keys & {to_id(contact.get("wa_id")), to_id(contact.get("user_id"))}:
            return contact
    return known[0] if len(known) == 1 and len(contacts) == 1 else {}


def to_id(value: Any) -> str | None:
    """An id as text: Meta sends numbers and text alike; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return clean_text(str(value), 512) or None


def _name(prefix: str, value: Any) -> str:
    return clean_text(f"{prefix}.{value}", 100) if isinstance(value, str) else prefix


def _list(holder: dict[str, Any], name: str) -> list[Any]:
    value = holder.get(name)
    return value if isinstance(value, list) else []


def _item(kind: str, payload: Any, external_id: str | None, **more: Any) -> WebhookItem:
    # ASCII with escapes: the json type takes every escape, NUL and lone surrogates among them.
    return WebhookItem(kind=kind, payload=json.dumps(payload), external_id=external_id, **more)


def _ignored(
    kind: str, payload: Any, reason: str, external_id: str | None = None, **more: Any
) -> WebhookItem:
    return _item(kind, payload, external_id, disposition=IGNORED, reason=reason, **more)


def _for_sync(kind: str, payload: Any, external_id: str | None, **more: Any) -> WebhookItem:
    """An event for sync; ingest has nothing more to do with it."""
    return _item(kind, payload, external_id, disposition=STORED, reason="handed_to_sync", **more)


def _subject_of(event: Any) -> str | None:
    """The id of the message that an event is about."""
    return to_id(event.get("mid")) if isinstance(event, dict) else None


def _dead(kind: str, payload: Any, reason: str, **more: Any) -> WebhookItem:
    return _item(
        kind, payload, None, disposition=DEAD_LETTER, reason=f"malformed: {reason}", **more
    )
