"""A message of WhatsApp, Messenger or Instagram: from the webhook item that brought it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from services.ingest.meta_webhooks import to_id
from services.ingest.phones import to_e164
from services.ingest.records.leads import ContactIdentity, IncomingLead, IncomingMessage
from services.ingest.storable_text import clean_text

_SCOPED_ID_KINDS: Final = {"meta_page": "psid", "instagram_account": "igsid"}
_WHATSAPP_MEDIA: Final = ("image", "video", "audio", "document", "sticker")
# Years 2001 to 2286 in milliseconds lie above this, in seconds below.
_MILLISECONDS_FROM: Final = 10**11


class UnreadableMessageError(Exception):
    """The item is not what the platform sends for a message; the text quotes nothing of it."""


def parse_message(
    payload: str,
    *,
    external_id: str,
    source_id: UUID,
    source_kind: str,
    source_external_id: str,
    default_region: str,
    received_at: datetime,
) -> IncomingLead:
    """The message, as the lead that it makes if it is the sender's first.

    Raises UnreadableMessageError.
    """
    item = json.loads(payload)
    if source_kind == "whatsapp_number":
        identities, phone, name = _whatsapp_sender(item, default_region)
        body, timestamp = _whatsapp_text(item["message"]), item["message"].get("timestamp")
    else:
        identities = _scoped_sender(item, source_kind, source_external_id)
        phone, name = "", ""
        body, timestamp = _messenger_text(item["message"]), item.get("timestamp")
    return IncomingLead(
        source_id=source_id,
        source_kind=source_kind,
        type="inquiry",
        received_at=received_at,
        identities=identities,
        phone=phone,
        phone_raw=next((each.value for each in identities if each.kind == "wa_id"), ""),
        full_name=name,
        details=body,
        message=IncomingMessage(body=body, external_id=external_id, sent_at=to_time(timestamp)),
        first_contact=True,
    )


def _whatsapp_sender(
    item: dict[str, Any], default_region: str
) -> tuple[tuple[ContactIdentity, ...], str, str]:
    message, contact = item["message"], item.get("contact") or {}
    wa_id = to_id(message.get("from")) or to_id(contact.get("wa_id"))
    user_id = to_id(message.get("from_user_id")) or to_id(contact.get("user_id"))
    phone = to_e164(f"+{wa_id}", default_region) if wa_id else None
    known = (("wa_id", wa_id), ("bsuid", user_id), ("phone", phone))
    identities = tuple(ContactIdentity(kind=kind, value=value) for kind, value in known if value)
    if not identities:
        raise UnreadableMessageError("the message names no sender")
    profile = contact.get("profile")
    name = profile.get("name") if isinstance(profile, dict) else ""
    return identities, phone or "", clean_text(name, 200) if isinstance(name, str) else ""


def _scoped_sender(
    item: dict[str, Any], source_kind: str, source_external_id: str
) -> tuple[ContactIdentity, ...]:
    sides = [_party(item.get(side)) for side in ("sender", "recipient")]
    # An echo has the page as its sender, so position does not say which side the customer is.
    customer = next((each for each in sides if each and each != source_external_id), None)
    if customer is None:
        raise UnreadableMessageError("the message names no sender")
    kind = _SCOPED_ID_KINDS[source_kind]
    return (ContactIdentity(kind=kind, value=f"{source_external_id}:{customer}"),)


def _party(side: Any) -> str | None:
    if not isinstance(side, dict):
        return None
    return to_id(side.get("id")) or to_id(side.get("user_ref"))


def _whatsapp_text(message: dict[str, Any]) -> str:
    return clean_text(next((text for text in _whatsapp_texts(message) if text), ""))


def _whatsapp_texts(message: dict[str, Any]) -> Iterator[str]:
    """Where a WhatsApp message may have its text, in order of preference."""
    yield _inside(message, "text", "body")
    yield _inside(message, "button", "text")
    interactive = message.get("interactive")
    if isinstance(interactive, dict):
        yield _inside(interactive, "button_reply", "title")
        yield _inside(interactive, "list_reply", "title")
        yield _inside(interactive, "nfm_reply", "body")
    for media in _WHATSAPP_MEDIA:
        yield _inside(message, media, "caption")
    yield f"[{message['type']}]" if isinstance(message.get("type"), str) else ""


def _messenger_text(message: dict[str, Any]) -> str:
    text = message.get("text")
    if isinstance(text, str) and text:
        return clean_text(text)
    attachments = message.get("attachments")
    kinds = [
        str(attachment.get("type", "attachment"))
        for attachment in (attachments if isinstance(attachments, list) else [])
        if isinstance(attachment, dict)
    ]
    return clean_text(" ".join(f"[{kind}]" for kind in kinds))


def _inside(holder: dict[str, Any], name: str, inner: str) -> str:
    part = holder.get(name)
    text = part.get(inner) if isinstance(part, dict) else None
    return text if isinstance(text, str) else ""


def to_time(timestamp: Any) -> datetime | None:
    """A time as Meta sends it, number or text, in seconds or milliseconds; None for nonsense."""
    try:
        number = int(timestamp)
        return datetime.fromtimestamp(number / (1000 if number > _MILLISECONDS_FROM else 1), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
