"""Every shape that the platform sends splits into items, and each of them has a disposition."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.meta_webhooks import NotJsonError, split_webhook, to_id
from services.ingest.records.webhooks import WebhookItem
from tests.unit.ingest.webhook_shapes import (
    ACCOUNT,
    BSUID,
    HELLO,
    LEAD,
    NUMBER,
    PAGE,
    SHAPES,
    Expected,
    event,
    page,
    wa_message,
    whatsapp,
)

EXAMPLES = Path(__file__).parents[4] / "shared" / "fixtures" / "meta"


@pytest.mark.parametrize(("webhook", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_splits_into_items_with_a_disposition(webhook: Any, expected: Expected) -> None:
    items = split_webhook(json.dumps(webhook).encode())
    assert [(item.kind, item.external_id, item.disposition) for item in items] == expected
    assert_storable(items)


def assert_storable(items: list[WebhookItem]) -> None:
    """Every item has what its columns need: a reason with its disposition, an id and a
    trace of its own, text that a text column takes, and JSON that a json column takes."""
    assert items
    assert len({item.item_id for item in items}) == len(items)
    assert len({item.trace.trace_id for item in items}) == len(items)
    for item in items:
        assert (item.disposition is None) == (item.reason is None)
        assert item.disposition in (None, "stored", "ignored", "dead_letter")
        for text in (item.kind, item.external_id, item.source_external_id, item.reason):
            (text or "").encode()
            assert "\0" not in (text or "")
        json.loads(item.payload, parse_constant=_no_json)
        item.payload.encode("ascii")


def _no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_items_name_the_page_the_account_or_the_number_they_are_of() -> None:
    webhooks = {
        ("meta_page", PAGE): page(event(message=HELLO)),
        ("instagram_account", ACCOUNT): page(event(message=HELLO), kind="instagram"),
        ("whatsapp_number", NUMBER): whatsapp(messages=[wa_message()]),
    }
    for owner, webhook in webhooks.items():
        (item,) = split_webhook(json.dumps(webhook).encode())
        assert (item.source_kind, item.source_external_id) == owner


def test_a_lead_is_of_the_page_that_its_value_names() -> None:
    webhook = page(
        {"field": "leadgen", "value": {**LEAD, "page_id": 42}}, kind="instagram", key="changes"
    )
    (item,) = split_webhook(json.dumps(webhook).encode())
    assert (item.source_kind, item.source_external_id) == ("meta_page", "42")


def test_a_message_keeps_the_contact_that_sent_it() -> None:
    other = {"profile": {"name": "Other"}, "wa_id": "49111"}
    sender = {"profile": {"name": "Sender"}, "user_id": BSUID}
    webhook = whatsapp(
        contacts=[other, sender],
        messages=[{"id": "wamid.3", "from_user_id": BSUID, "type": "text", "text": {"body": "x"}}],
    )
    (item,) = split_webhook(json.dumps(webhook).encode())
    assert json.loads(item.payload)["contact"] == sender


def test_of_two_contacts_none_is_guessed() -> None:
    contacts = [{"wa_id": "1"}, {"wa_id": "2"}]
    (item,) = split_webhook(
        json.dumps(whatsapp(contacts=contacts, messages=[wa_message()])).encode()
    )
    assert json.loads(item.payload)["contact"] == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\xfd",
        b'{"object": "page"',
        b"object=page",
        b'{"object": "page", "entry": NaN}',
        b'{"object": "page", "entry": -Infinity}',
        b"[" * 100_000,
        b"9" * 5_000,
    ],
    ids=lambda body: body[:12].decode("ascii", "replace"),
)
def test_what_is_not_json_is_refused_without_a_quote_of_it(body: bytes) -> None:
    with pytest.raises(NotJsonError) as caught:
        split_webhook(body)
    assert "page" not in str(caught.value)


def test_nesting_at_the_edge_of_what_can_be_read_is_never_a_crash() -> None:
    for depth in range(900, 1000):
        value = b"[" * depth + b"]" * depth
        start, end = b'{"object":"page","entry":[{"changes":[{"field":"x","value":', b"}]}]}"
        try:
            assert_storable(split_webhook(start + value + end))
        except NotJsonError:
            continue


def test_halves_of_surrogate_pairs_and_nul_do_not_reach_text_columns() -> None:
    body = (
        rb'{"object":"page","entry":[{"id":"\ud800\u00001","changes":[{"field":"\udfff\u0000"}],'
        rb'"messaging":[{"message":{"mid":"m\ud83d\u0000","text":"\ud83d"}}]}]}'
    )
    assert_storable(split_webhook(body))


def test_a_number_too_large_for_a_float_stays_json() -> None:
    body = b'{"object":"page","entry":[{"id":"1","changes":[{"field":"x","value":1e999}]}]}'
    assert_storable(split_webhook(body))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (900100200300400500600, "900100200300400500600"),
        ("7", "7"),
        (" 7 ", "7"),
        ("", None),
        (" ", None),
        ("\0", None),
        ("\ud800", "?"),
        (0, "0"),
        (None, None),
        (True, None),
        (1.5, None),
        ([], None),
        ({}, None),
    ],
)
def test_ids_are_text_whatever_they_came_as(value: Any, expected: str | None) -> None:
    assert to_id(value) == expected


NAMES = [
    *("object", "entry", "changes", "messaging", "standby", "field", "value", "message", "id"),
    *("messages", "contacts", "statuses", "metadata", "phone_number_id", "mid", "from", "type"),
    *("leadgen_id", "page_id", "is_echo", "sender"),
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES),
            children,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(json_values, st.sampled_from(["page", "instagram", "whatsapp_business_account", "other"]))
def test_no_json_of_any_shape_breaks_the_splitter(value: Any, kind: str) -> None:
    entries = value if isinstance(value, list) else [value]
    assert_storable(split_webhook(json.dumps({"object": kind, "entry": entries}).encode()))
    assert_storable(split_webhook(json.dumps(value).encode()))


def _webhooks(value: Any) -> Iterator[Any]:
    """Every webhook in an example file, which may name several cases."""
    if isinstance(value, dict) and isinstance(value.get("entry"), list):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _webhooks(part)


def test_recorded_webhooks_split_without_a_remainder() -> None:
    if not EXAMPLES.is_dir():
        pytest.skip("no recorded examples beside this checkout (../shared/fixtures/meta)")
    seen = 0
    for path in sorted(EXAMPLES.rglob("*.json")):
        try:
            recorded = json.loads(path.read_bytes())
        except ValueError:
            # One of them holds two documents on purpose.
            with pytest.raises(NotJsonError):
                split_webhook(path.read_bytes())
            continue
        for webhook in _webhooks(recorded):
            items = split_webhook(json.dumps(webhook).encode())
            assert_storable(items)
            malformed = [item.reason for item in items if item.disposition == "dead_letter"]
            assert malformed == [], f"{path.name}: {malformed}"
            seen += 1
    assert seen > 50
