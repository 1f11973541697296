"""Webhooks as the sandbox sends them: shapes, bytes, signatures."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from sandbox import meta_webhooks as meta
from sandbox.serving import serving

SECRET = "sandbox-app-secret"


class Receiver:
    """Keeps what it was sent and answers 200."""

    def __init__(self) -> None:
        self.body = b""
        self.headers: dict[str, str] = {}
        self.url = ""
        self.redirect = False

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/webhooks/meta", self._take)
        return application

    async def _take(self, request: web.Request) -> web.Response:
        if self.redirect:
            raise web.HTTPFound("/webhooks/meta")
        self.body = await request.read()
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        return web.Response(text=request.query.get("hub.challenge", "EVENT_RECEIVED"))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with serving(receiver.application()) as base_url:
        receiver.url = base_url + "/webhooks/meta"
        yield receiver


def test_bytes_are_escaped_as_meta_escapes_them() -> None:
    assert meta.meta_bytes({"a": "ä 😀 https://x.y/z"}) == (
        rb'{"a":"\u00e4 \ud83d\ude00 https:\/\/x.y\/z"}'
    )


def test_the_signature_is_over_the_bytes_as_sent() -> None:
    body = meta.meta_bytes({"name": "Änne/Öl"})
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert meta.sign(SECRET, body) == "sha256=" + expected
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert meta.sign(SECRET, again) != meta.sign(SECRET, body)


def test_a_leadgen_webhook_holds_two_changes_with_numbers() -> None:
    body = json.loads(
        meta.leadgen(meta.LeadChange(leadgen_id=1), meta.LeadChange(leadgen_id=2, ad_id=None))
    )
    (entry,) = body["entry"]
    assert [change["value"]["leadgen_id"] for change in entry["changes"]] == [1, 2]
    assert [change["value"]["ad_id"] for change in entry["changes"]] == [700700800900, 0]
    assert entry["id"] == entry["changes"][0]["value"]["page_id"] == 700100200300


def test_a_leadgen_webhook_with_text_ids_has_no_ad() -> None:
    body = json.loads(meta.leadgen_as_text(meta.LeadChange(leadgen_id=5)))
    (entry,) = body["entry"]
    (change,) = entry["changes"]
    assert entry["id"] == "700100200300"
    assert change["value"] == {
        "form_id": "700400500600",
        "leadgen_id": "5",
        "created_time": 1790000000,
        "page_id": "700100200300",
    }


def test_a_whatsapp_text_names_the_person_by_number() -> None:
    value = json.loads(meta.whatsapp_text(meta.WhatsAppText(message_id="wamid.1")))["entry"][0][
        "changes"
    ][0]["value"]
    assert value["contacts"] == [{"profile": {"name": "Änne Example"}, "wa_id": "4915550100200"}]
    assert value["messages"][0]["from"] == "4915550100200"
    assert value["messages"][0]["timestamp"] == "1790000000"


def test_a_whatsapp_text_without_a_number_has_neither_from_nor_wa_id() -> None:
    text = meta.WhatsAppText(message_id="wamid.1", wa_id=None, user_id="DE.123")
    value = json.loads(meta.whatsapp_text(text))["entry"][0]["changes"][0]["value"]
    assert value["contacts"] == [{"profile": {"name": "Änne Example"}, "user_id": "DE.123"}]
    assert "from" not in value["messages"][0]
    assert value["messages"][0]["from_user_id"] == "DE.123"


def test_the_same_whatsapp_message_twice_is_one_contact_and_two_messages() -> None:
    text = meta.WhatsAppText(message_id="wamid.1")
    value = json.loads(meta.whatsapp_text(text, text))["entry"][0]["changes"][0]["value"]
    assert len(value["contacts"]) == 1
    assert [message["id"] for message in value["messages"]] == ["wamid.1", "wamid.1"]


def test_messenger_and_instagram_differ_in_object_only() -> None:
    message = meta.PageMessage(mid="m_1")
    page, instagram = (
        json.loads(build(message)) for build in (meta.messenger_text, meta.instagram_text)
    )
    assert (page.pop("object"), instagram.pop("object")) == ("page", "instagram")
    assert page == instagram


def test_an_echo_comes_from_the_page() -> None:
    echo = json.loads(meta.messenger_echo(meta.PageMessage(mid="m_1"), app_id=None))
    (event,) = echo["entry"][0]["messaging"]
    assert event["sender"]["id"] == echo["entry"][0]["id"] == "700100200300"
    assert event["recipient"]["id"] == "8100200300400500"
    assert event["message"]["is_echo"] is True
    assert "app_id" not in event["message"]


def test_read_and_delivery_carry_a_watermark() -> None:
    message = meta.PageMessage(mid="m_1", timestamp=1790000001000)
    read = json.loads(meta.messenger_read(message))["entry"][0]["messaging"][0]
    delivery = json.loads(meta.messenger_delivery(message))["entry"][0]["messaging"][0]
    assert read["read"] == {"watermark": 1790000001000}
    assert delivery["delivery"] == {"mids": ["m_1"], "watermark": 1790000001000}


async def test_the_receiver_gets_the_very_bytes_and_both_signatures(receiver: Receiver) -> None:
    body = meta.messenger_text(meta.PageMessage(mid="m_1", text="Größe 3/4?"))
    answer = await meta.send(receiver.url, body, SECRET, headers={"traceparent": "00-1-2-03"})
    assert (answer.status, answer.body) == (200, b"EVENT_RECEIVED")
    assert receiver.body == body
    assert receiver.headers["x-hub-signature-256"] == meta.sign(SECRET, body)
    assert receiver.headers["x-hub-signature"].startswith("sha1=")
    assert receiver.headers["traceparent"] == "00-1-2-03"


async def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    await meta.send(receiver.url, b"{}", None)
    assert not [name for name in receiver.headers if name.startswith("x-hub")]


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.redirect = True
    assert (await meta.send(receiver.url, b"{}", SECRET)).status == 302
    assert receiver.body == b""


async def test_a_receiver_that_is_away_is_an_error() -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        await meta.send("http://127.0.0.1:1/webhooks/meta", b"{}", SECRET)


async def test_the_handshake_asks_for_its_challenge(receiver: Receiver) -> None:
    answer = await meta.handshake(receiver.url, "verify-me", "42")
    assert (answer.status, answer.body) == (200, b"42")
