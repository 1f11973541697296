"""Buyers' endpoints: signatures, records, faults."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from sandbox.buyers import Buyers
from sandbox.serving import serving

SECRET = "whsec_" + base64.b64encode(b"a secret of a buyer in a sandbox").decode()
BODY = '{"lead":"Änne"}'


def signed(message_id: str = "msg_1", *, secret: str = SECRET, body: str = BODY) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }


@dataclass(slots=True)
class Sender:
    """Delivers to the buyer `acme` and controls it."""

    base_url: str
    session: aiohttp.ClientSession

    async def deliver(
        self, headers: Mapping[str, str], body: str = BODY
    ) -> tuple[int, bytes, Mapping[str, str]]:
        async with self.session.post(
            f"{self.base_url}/buyers/acme",
            data=body.encode(),
            headers=headers,
            allow_redirects=False,
        ) as answer:
            return answer.status, await answer.read(), answer.headers

    async def control(self, method: str, path: str = "", body: object = None) -> Any:
        async with self.session.request(
            method, f"{self.base_url}/_control/buyers/acme{path}", json=body
        ) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def fault(self, times: int = 1, **fault: object) -> None:
        await self.control("PUT", "/faults", {"times": times, "is": fault})


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with (
        serving(Buyers().application()) as base_url,
        aiohttp.ClientSession() as session,
    ):
        sender = Sender(base_url, session)
        await sender.control("PUT", "", {"secret": SECRET})
        yield sender


async def test_a_signed_delivery_is_accepted_and_kept(sender: Sender) -> None:
    status, body, _ = await sender.deliver(signed())
    assert (status, body) == (200, b'{"status":"accepted"}')
    (kept,) = (await sender.control("GET", "/received"))["received"]
    assert (kept["webhook_id"], kept["body"], kept["verified"]) == ("msg_1", BODY, True)
    assert kept["headers"]["webhook-id"] == "msg_1"


async def test_repeats_are_counted_per_webhook_id(sender: Sender) -> None:
    for message_id in ("msg_1", "msg_2", "msg_1"):
        await sender.deliver(signed(message_id))
    assert (await sender.control("GET", "/received"))["counts"] == {"msg_1": 2, "msg_2": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**signed(), "webhook-signature": "v1"},
        {**signed(), "webhook-signature": "v1,a,b"},
        {**signed(), "webhook-signature": "v1,AAA"},
        {**signed(), "webhook-timestamp": "1e999"},
        {**signed(), "webhook-id": "msg_other"},
        signed(body="other"),
        signed(secret="whsec_" + base64.b64encode(b"x" * 32).decode()),
    ],
)
async def test_a_bad_signature_is_401_and_never_an_error(
    sender: Sender, headers: dict[str, str]
) -> None:
    assert (await sender.deliver(headers))[0] == 401
    (kept,) = (await sender.control("GET", "/received"))["received"]
    assert (kept["outcome"], kept["verified"]) == ("bad_signature", False)


async def test_a_body_that_is_not_text_is_401(sender: Sender) -> None:
    async with sender.session.post(
        f"{sender.base_url}/buyers/acme", data=b"\xff\xfe", headers=signed()
    ) as answer:
        assert answer.status == 401


async def test_a_buyer_without_a_secret_takes_anything(sender: Sender) -> None:
    await sender.control("PUT", "", {"secret": None})
    assert (await sender.deliver({}))[0] == 200
    assert (await sender.control("GET", "/received"))["received"][0]["verified"] is False


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {"Retry-After": "3"}, {}),
        (410, {}, {}),
        (302, {"Location": "https://login.example/"}, {}),
        (500, {}, {}),
        (409, {}, {"reason": "duplicate_lead"}),
        (422, {}, {"reason": "outside_area"}),
    ],
)
async def test_it_answers_what_it_was_told_so_many_times(
    sender: Sender, status: int, headers: dict[str, str], body: dict[str, str]
) -> None:
    await sender.fault(2, fault="answer", status=status, headers=headers, body=body)
    answers = [await sender.deliver(signed()) for _ in range(3)]
    assert [answer[0] for answer in answers] == [status, status, 200]
    assert all(answers[0][2][name] == value for name, value in headers.items())
    reason = body.get("reason", "").encode()
    assert reason in answers[0][1]


async def test_a_hanging_buyer_answers_when_it_is_released(sender: Sender) -> None:
    await sender.fault(fault="hang")
    delivering = asyncio.create_task(sender.deliver(signed()))
    await sender.control("GET", "/received?at_least=1")
    assert not delivering.done()
    await sender.control("POST", "/release")
    assert (await delivering)[0] == 200


async def test_release_drops_hangs_that_nobody_met(sender: Sender) -> None:
    await sender.fault(3, fault="hang")
    await sender.control("POST", "/release")
    assert (await sender.deliver(signed()))[0] == 200


@pytest.mark.parametrize(("fault", "taken_in"), [("reset_before", False), ("reset_after", True)])
async def test_a_reset_leaves_the_sender_without_an_answer(
    sender: Sender, fault: str, taken_in: bool
) -> None:
    await sender.fault(fault=fault)
    with pytest.raises(aiohttp.ClientOSError):
        await sender.deliver(signed())
    (kept,) = (await sender.control("GET", "/received?at_least=1"))["received"]
    assert (kept["body"] is not None) is taken_in
    assert kept["outcome"] == fault


async def test_an_answer_that_is_cut_off_is_no_answer(sender: Sender) -> None:
    await sender.fault(fault="cut")
    with pytest.raises(aiohttp.ClientPayloadError):
        await sender.deliver(signed())


async def test_a_gzip_bomb_is_small_on_the_wire(sender: Sender) -> None:
    await sender.fault(fault="gzip_bomb")
    async with sender.session.post(
        f"{sender.base_url}/buyers/acme", data=BODY.encode(), headers=signed()
    ) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < 100_000
        size = 0
        async for chunk in answer.content.iter_chunked(1 << 20):
            size += len(chunk)
    assert size == 64 * 1024 * 1024
