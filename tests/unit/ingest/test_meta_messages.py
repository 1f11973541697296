"""Messages: who sent them, what they say, when; whatever the platform leaves out."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.ingest.meta_messages import UnreadableMessageError, parse_message, to_time
from services.ingest.meta_webhooks import split_webhook
from services.ingest.records.leads import ContactIdentity, IncomingLead
from tests.unit.ingest.webhook_shapes import (
    ACCOUNT,
    BSUID,
    CONTACTS,
    HELLO,
    PAGE,
    PERSON,
    SHAPES,
    event,
    page,
    wa_message,
    whatsapp,
    without,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def parsed(webhook: Any) -> IncomingLead:
    (item,) = split_webhook(json.dumps(webhook).encode())
    assert item.external_id
    assert item.source_kind
    assert item.source_external_id
    return parse_message(
        item.payload,
        external_id=item.external_id,
        source_id=uuid4(),
        source_kind=item.source_kind,
        source_external_id=item.source_external_id,
        default_region="DE",
        received_at=NOW,
    )


def known_by(lead: IncomingLead) -> set[tuple[str, str]]:
    return {(identity.kind, identity.value) for identity in lead.identities}


def test_a_whatsapp_sender_is_known_by_number_user_id_and_phone() -> None:
    lead = parsed(whatsapp(contacts=CONTACTS, messages=[wa_message()]))
    assert known_by(lead) == {
        ("wa_id", "4915550100200"),
        ("bsuid", BSUID),
        *([("phone", lead.phone)] if lead.phone else []),
    }
    assert lead.full_name == "Änne Example"
    assert lead.first_contact
    assert lead.message is not None
    assert (lead.message.body, lead.message.external_id) == ("Still free?", "wamid.1")
    assert lead.message.sent_at == datetime.fromtimestamp(1790000000, UTC)


def test_a_valid_whatsapp_number_is_a_phone_too() -> None:
    message = {**wa_message(), "from": "491712345678"}
    lead = parsed(whatsapp(messages=[message]))
    assert known_by(lead) == {("wa_id", "491712345678"), ("phone", "+491712345678")}
    assert lead.phone == "+491712345678"


def test_a_sender_without_a_number_is_known_by_user_id_only() -> None:
    message = {**without(wa_message(), "from"), "from_user_id": BSUID}
    lead = parsed(whatsapp(contacts=[{"user_id": BSUID}], messages=[message]))
    assert lead.identities == (ContactIdentity(kind="bsuid", value=BSUID),)
    assert lead.phone == ""


def test_a_whatsapp_message_without_a_sender_is_unreadable() -> None:
    with pytest.raises(UnreadableMessageError):
        parsed(whatsapp(messages=[without(wa_message(), "from")]))


@pytest.mark.parametrize(
    ("content", "body"),
    [
        ({"type": "text", "text": {"body": " Hallo "}}, "Hallo"),
        ({"type": "button", "button": {"text": "Yes", "payload": "P"}}, "Yes"),
        ({"type": "interactive", "interactive": {"button_reply": {"title": "T"}}}, "T"),
        ({"type": "interactive", "interactive": {"list_reply": {"title": "L"}}}, "L"),
        ({"type": "interactive", "interactive": {"nfm_reply": {"body": "Sent"}}}, "Sent"),
        ({"type": "interactive"}, "[interactive]"),
        ({"type": "interactive", "interactive": "odd"}, "[interactive]"),
        ({"type": "image", "image": {"caption": "Look", "id": "1"}}, "Look"),
        ({"type": "image", "image": {"id": "1"}}, "[image]"),
        ({"type": "location", "location": {"latitude": 0.0}}, "[location]"),
        ({"type": "text", "text": {"body": ""}}, "[text]"),
        ({"type": "text", "text": "odd"}, "[text]"),
        ({"type": 7, "text": {"body": 7}}, ""),
        ({"text": {"body": "nul\0 and half \ud800"}}, "nul and half ?"),
    ],
)
def test_a_whatsapp_message_says_what_it_says_or_what_it_is(
    content: dict[str, Any], body: str
) -> None:
    lead = parsed(whatsapp(contacts=CONTACTS, messages=[wa_message(**content)]))
    assert lead.message is not None
    assert lead.message.body == lead.details == body


def test_a_messenger_sender_is_known_by_an_id_scoped_to_the_page() -> None:
    lead = parsed(page(event(message=HELLO)))
    assert known_by(lead) == {("psid", f"{PAGE}:{PERSON}")}
    sides = {"sender": {"id": PERSON}, "recipient": {"id": ACCOUNT}}
    lead = parsed(page(event(message=HELLO, **sides), kind="instagram"))
    assert known_by(lead) == {("igsid", f"{ACCOUNT}:{PERSON}")}


def test_the_customer_is_the_side_that_is_not_the_page() -> None:
    sides = {"sender": {"id": PAGE}, "recipient": {"id": PERSON}}
    assert known_by(parsed(page(event(message=HELLO, **sides)))) == {("psid", f"{PAGE}:{PERSON}")}


@pytest.mark.parametrize("names", [("sender", "recipient"), ("sender",)])
def test_a_messenger_message_without_a_sender_is_unreadable(names: tuple[str, ...]) -> None:
    with pytest.raises(UnreadableMessageError):
        parsed(page(without(event(message=HELLO), *names)))


def test_attachments_stand_for_missing_text() -> None:
    message = {"mid": "m", "attachments": [{"type": "image"}, {"type": "audio"}, "odd"]}
    lead = parsed(page(event(message=message)))
    assert lead.details == "[image] [audio]"


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (1790000000, datetime.fromtimestamp(1790000000, UTC)),
        ("1790000000", datetime.fromtimestamp(1790000000, UTC)),
        (1790000000123, datetime.fromtimestamp(1790000000.123, UTC)),
        ("asdf", None),
        (None, None),
        ("", None),
        (10**30, None),
        (-(10**30), None),
        ([], None),
        (float("inf"), None),
    ],
)
def test_a_time_is_read_in_seconds_or_milliseconds(
    timestamp: Any, expected: datetime | None
) -> None:
    assert to_time(timestamp) == expected


@pytest.mark.parametrize("webhook", [shape for shape, _ in SHAPES.values()], ids=SHAPES.keys())
def test_every_message_of_every_shape_is_read_or_refused_as_unreadable(webhook: Any) -> None:
    for item in split_webhook(json.dumps(webhook).encode()):
        if item.kind == "message" and item.disposition is None:
            lead = parse_message(
                item.payload,
                external_id=item.external_id or "",
                source_id=uuid4(),
                source_kind=item.source_kind or "",
                source_external_id=item.source_external_id or "",
                default_region="DE",
                received_at=NOW,
            )
            assert lead.identities
