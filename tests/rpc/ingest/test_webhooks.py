"""Webhooks over HTTP: 200 after one durable commit, and how each bad one is refused."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import asyncpg
import pytest

from sandbox.fault_proxy import Refuse, Reset
from sandbox.meta_json import sign, sign_sha1
from sandbox.meta_webhooks import (
    LeadChange,
    WhatsAppText,
    handshake,
    leadgen,
    send,
    whatsapp_text,
)
from tests.rpc.chassis.recording import recording
from tests.rpc.ingest.conftest import (
    APP_SECRET,
    NUMBER,
    PAGE,
    VERIFY_TOKEN,
    Ingest,
    running,
)
from waybill.ingest.v1.ingest_service_pb2 import RetireAppSecretsRequest

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
LEAD = leadgen(LeadChange(leadgen_id=900100), LeadChange(leadgen_id=900101))
BYTES_MAX = 3 * 1024 * 1024


async def deliveries(admin: Admin) -> int:
    counted: int = await admin.fetchval("select count(*) from ingest.webhook_deliveries")
    return counted


def told(body: bytes) -> str:
    message: str = json.loads(body)["message"]
    return message


async def ask(ingest: Ingest, **query: str) -> tuple[int, str, str]:
    names = {name.replace("_", ".", 1): value for name, value in query.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.get(ingest.webhooks_url, params=names) as answer,
    ):
        return answer.status, await answer.text(), answer.content_type


async def test_the_handshake_answers_the_challenge_as_it_came(ingest: Ingest) -> None:
    answer = await handshake(ingest.webhooks_url, VERIFY_TOKEN, "1158201444")
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 200),
        ({"hub_challenge": "a.B-9_"}, 200),
        ({"hub_mode": ""}, 403),
        ({"hub_mode": "unsubscribe"}, 403),
        ({"hub_verify_token": ""}, 403),
        ({"hub_verify_token": "guessed"}, 403),
        ({"hub_verify_token": APP_SECRET}, 403),
        ({"hub_verify_token": "\u00e4\U0001f600"}, 403),
        ({"hub_challenge": ""}, 400),
        ({"hub_challenge": "<b>"}, 400),
        ({"hub_challenge": "1\n"}, 400),
        ({"hub_challenge": "1" * 513}, 400),
    ],
)
async def test_a_handshake_that_is_not_whole_is_refused_and_reflects_nothing(
    ingest: Ingest, query: dict[str, str], status: int
) -> None:
    whole = {"hub_mode": "subscribe", "hub_verify_token": VERIFY_TOKEN, "hub_challenge": "1"}
    answered, text, _ = await ask(ingest, **{**whole, **query})
    assert answered == status
    if status != 200:
        assert "<b>" not in text
        assert VERIFY_TOKEN not in text


async def test_every_token_of_a_rotation_is_known(ingest: Ingest) -> None:
    await ingest.register_app("another secret", "another token")
    for token in (VERIFY_TOKEN, "another token"):
        assert (await handshake(ingest.webhooks_url, token)).status == 200


async def test_a_retired_secret_and_token_are_worth_nothing(ingest: Ingest) -> None:
    await ingest.register_app("another secret", "another token")
    assert (await ingest.post(LEAD)).status == 200
    request = RetireAppSecretsRequest(external_app_id="500")
    assert (await ingest.operator("RetireAppSecrets", request)).retired_count == 2
    assert (await ingest.post(LEAD)).status == 401
    assert (await handshake(ingest.webhooks_url, VERIFY_TOKEN)).status == 403
    assert (await ingest.post(LEAD, "another secret")).status == 200
    assert (await handshake(ingest.webhooks_url, "another token")).status == 200


async def test_a_signed_webhook_is_200_and_stored_with_its_bytes(
    ingest: Ingest, admin: Admin
) -> None:
    tenant = await ingest.tenant()
    await ingest.source(tenant)
    answer = await ingest.post(LEAD)
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "stored"})
    row = await admin.fetchrow("select * from ingest.webhook_deliveries")
    assert row is not None
    assert bytes(row["body"]) == LEAD
    assert answer.headers["x-waybill-trace-id"] == row["trace_id"]
    kept = json.loads(row["headers"])
    assert kept["x-hub-signature-256"] == sign(APP_SECRET, LEAD)
    assert set(kept) <= {"content-type", "user-agent", "x-hub-signature-256", "x-request-id"}
    assert await admin.fetchval("select count(*) from ingest.webhook_items") == 2


async def test_a_secret_added_a_moment_ago_signs(ingest: Ingest) -> None:
    assert (await ingest.post(LEAD)).status == 200
    await ingest.register_app("another secret", "another token")
    # Unknown signatures have the secrets read again at most once a second.
    async with asyncio.timeout(5):
        while (await ingest.post(LEAD, "another secret")).status != 200:
            continue
    assert (await ingest.post(LEAD)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": sign("guessed", LEAD)},
        {"X-Hub-Signature-256": sign(APP_SECRET, LEAD + b" ")},
        {"X-Hub-Signature-256": sign(APP_SECRET, LEAD).upper()},
        {"X-Hub-Signature-256": sign(APP_SECRET, LEAD).removeprefix("sha256=")},
        {"X-Hub-Signature-256": sign_sha1(APP_SECRET, LEAD)},
        {"X-Hub-Signature": sign_sha1(APP_SECRET, LEAD)},
        {"X-Hub-Signature": sign(APP_SECRET, LEAD)},
    ],
    ids=["none", "empty", "wrong", "of-other-bytes", "upper", "bare", "sha1", "sha1-alone", "old"],
)
async def test_what_the_app_did_not_sign_is_401_and_leaves_no_row(
    ingest: Ingest, admin: Admin, headers: dict[str, str]
) -> None:
    answer = await send(ingest.webhooks_url, LEAD, None, headers=headers)
    assert answer.status == 401
    assert await deliveries(admin) == 0


async def test_two_signatures_are_401_though_one_is_good(ingest: Ingest, admin: Admin) -> None:
    good = sign(APP_SECRET, LEAD)
    headers = [("X-Hub-Signature-256", good), ("X-Hub-Signature-256", good)]
    async with (
        aiohttp.ClientSession() as session,
        session.post(ingest.webhooks_url, data=LEAD, headers=headers) as answer,
    ):
        assert answer.status == 401
    assert await deliveries(admin) == 0


async def test_a_refused_signature_is_logged_without_body_or_secret(
    ingest: Ingest,
) -> None:
    with recording() as said:
        await ingest.post(whatsapp_text(WhatsAppText(message_id="1", text="my secret")), "guessed")
    assert said.line("webhook")["outcome"] == "401"
    assert "my secret" not in said.everything()
    assert "4915550100200" not in said.everything()


async def test_the_largest_body_is_taken_and_one_byte_more_is_413(
    ingest: Ingest, admin: Admin
) -> None:
    start, end = b'{"object":"user","pad":"', b'"}'
    largest = start + b"x" * (BYTES_MAX - len(start) - len(end)) + end
    assert len(largest) == BYTES_MAX
    assert (await ingest.post(largest)).status == 200
    assert (await ingest.post(largest + b" ")).status == 413
    assert await deliveries(admin) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"object=page", b"\xff\xfe", b'{"a": NaN}', b"[" * 5000, b"9" * 5000]
)
async def test_a_signed_body_that_is_not_json_is_400(
    ingest: Ingest, admin: Admin, body: bytes
) -> None:
    answer = await ingest.post(body)
    assert answer.status == 400
    assert "body" in told(answer.body)
    assert await deliveries(admin) == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"object":"user","entry":[]}',
        b"[]",
        b"null",
        b'{"object":"page","entry":[{"id":"1","changes":[{"field":"feed"}]}]}',
        leadgen(LeadChange(leadgen_id=1, page_id=999)),
    ],
)
async def test_what_concerns_no_org_is_200_and_stored_as_ignored(
    ingest: Ingest, admin: Admin, body: bytes
) -> None:
    assert (await ingest.post(body)).status == 200
    rows = await admin.fetch("select status, reason from ingest.webhook_orphans")
    assert [row["status"] for row in rows] == ["ignored"]


async def test_bytes_that_no_text_column_takes_are_stored(ingest: Ingest, admin: Admin) -> None:
    tenant = await ingest.tenant()
    await ingest.source(tenant)
    body = (
        rb'{"object":"page","entry":[{"id":"%s","changes":[{"field":"\ud800\u0000"}],"messaging":'
        rb'[{"sender":{"id":"\udfff7"},"message":{"mid":"m\ud83d\u0000","text":"\ud83d\u0000x",'
        rb'"n":1e999}}]}]}' % PAGE.encode()
    )
    assert (await ingest.post(body)).status == 200
    assert await admin.fetchval("select count(*) from ingest.webhook_items") == 2
    await ingest.work()
    stored = await admin.fetchval("select status from ingest.webhook_items where kind = 'message'")
    assert stored == "stored"


async def test_of_good_items_and_a_malformed_one_only_that_is_a_dead_letter(
    ingest: Ingest, admin: Admin
) -> None:
    tenant = await ingest.tenant()
    await ingest.source(tenant)
    webhook = json.loads(LEAD)
    webhook["entry"][0]["changes"].insert(1, {"field": "leadgen", "value": {"page_id": PAGE}})
    assert (await ingest.post(json.dumps(webhook).encode())).status == 200
    statuses = [
        row["status"]
        for row in await admin.fetch("select * from ingest.webhook_items order by ordinal")
    ]
    assert statuses == ["pending", "dead_letter", "pending"]


async def test_more_items_than_allowed_are_400(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, webhook_items_max=1) as ingest:
        await ingest.register_app()
        assert (await ingest.post(LEAD)).status == 400
        assert (await ingest.post(leadgen(LeadChange(leadgen_id=1)))).status == 200


async def test_a_body_that_does_not_arrive_is_408(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, webhook_read_seconds=0.1) as ingest:
        host, _, port = ingest.http_url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        status = await asyncio.wait_for(reader.readline(), 5)
        assert b" 408 " in status
        writer.close()


async def test_while_the_database_is_away_webhooks_are_503_and_taken_later(
    ingest: Ingest, admin: Admin
) -> None:
    assert (await ingest.post(b'{"object":"user"}')).status == 200
    ingest.database.fault = Reset()
    ingest.database.fault = Refuse()
    answer = await ingest.post(LEAD)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert await deliveries(admin) == 1
    ingest.database.fault = None
    assert (await ingest.post(LEAD)).status == 200
    assert await deliveries(admin) == 2


async def test_connections_that_the_database_ended_are_replaced(
    ingest: Ingest, admin: Admin
) -> None:
    assert (await ingest.post(LEAD)).status == 200
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'waybill_ingest'"
    )
    # Each idle connection may cost one answer.
    statuses = [(await ingest.post(LEAD)).status for _ in range(10)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200


async def test_webhooks_at_once_are_all_stored_and_each_is_answered(
    ingest: Ingest, admin: Admin
) -> None:
    bodies = [leadgen(LeadChange(leadgen_id=number)) for number in range(100)]
    async with aiohttp.ClientSession() as session:

        async def post(body: bytes) -> int:
            headers = {"X-Hub-Signature-256": sign(APP_SECRET, body)}
            async with session.post(ingest.webhooks_url, data=body, headers=headers) as answer:
                return answer.status

        assert set(await asyncio.gather(*map(post, bodies))) == {200}
    assert await deliveries(admin) == 100


async def test_a_callers_trace_is_linked_and_not_taken_over(ingest: Ingest, admin: Admin) -> None:
    theirs = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    await ingest.post(LEAD, traceparent=theirs)
    row = await admin.fetchrow("select * from ingest.webhook_deliveries")
    assert row is not None
    assert row["linked_traceparent"] == theirs
    assert row["trace_id"] != "a" * 32


async def test_other_methods_and_paths_are_refused(ingest: Ingest) -> None:
    async with aiohttp.ClientSession() as session:
        for method, path, status in (
            ("PUT", "/webhooks/meta", 405),
            ("DELETE", "/webhooks/meta", 405),
            ("POST", "/webhooks/other", 404),
            ("GET", "/healthz", 200),
        ):
            async with session.request(method, ingest.http_url + path) as answer:
                assert answer.status == status, (method, path)
                if status in (404, 405):
                    body = await answer.json()
                    assert (body["code"], body["details"]) == ({404: 5, 405: 12}[status], [])
                    assert body["message"]
                assert ("Allow" in answer.headers) == (status == 405)


async def test_head_answers_as_get_does_without_the_body(ingest: Ingest) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/webhooks/meta", "/healthz"):
            async with session.get(ingest.http_url + path) as got:
                length = len(await got.read())
            async with session.head(ingest.http_url + path) as answer:
                assert (answer.status, await answer.read()) == (got.status, b"")
                assert answer.headers["Content-Length"] == str(length)


async def test_one_secret_that_cannot_be_opened_stops_no_other(
    ingest: Ingest, admin: Admin
) -> None:
    await ingest.register_app("another secret", "another token")
    await admin.execute(
        "update ingest.app_secrets set ciphertext = '\\x00' where (app_id, created_at) ="
        " (select app_id, max(created_at) from ingest.app_secrets group by 1)"
    )
    assert (await ingest.post(LEAD)).status == 200
    assert (await handshake(ingest.webhooks_url, VERIFY_TOKEN)).status == 200


def items(rows: list[Any]) -> list[tuple[str, str | None]]:
    return [(row["status"], row["reason"]) for row in rows]


async def test_a_whatsapp_text_becomes_a_lead_and_the_next_one_a_message(
    ingest: Ingest, admin: Admin
) -> None:
    tenant = await ingest.tenant()
    await ingest.source(tenant, "whatsapp_number", NUMBER)
    first, second = WhatsAppText(message_id="wamid.1"), WhatsAppText(message_id="wamid.2")
    await ingest.post(whatsapp_text(first, first))
    await ingest.work()
    await ingest.post(whatsapp_text(second))
    await ingest.post(whatsapp_text(first))
    await ingest.work()
    rows = await admin.fetch("select * from ingest.webhook_items order by received_at, ordinal")
    assert items(rows) == [
        ("stored", None),
        ("duplicate", "known"),
        ("stored", None),
        ("duplicate", "known"),
    ]
    assert await admin.fetchval("select count(*) from ingest.leads") == 1
    assert await admin.fetchval("select count(*) from ingest.messages") == 2


async def test_while_the_database_is_away_a_token_that_was_never_read_is_503(
    tmp_path: Path, database_url: str
) -> None:
    async with running(tmp_path, database_url) as ingest:
        ingest.database.fault = Reset()
        ingest.database.fault = Refuse()
        answer = await handshake(ingest.webhooks_url, VERIFY_TOKEN)
        assert (answer.status, json.loads(answer.body)["code"]) == (503, 14)


@pytest.mark.parametrize("body", [gzip.compress(LEAD), b"no gzip"], ids=["gzip", "broken"])
async def test_a_compressed_body_is_checked_as_sent_and_refused_in_json(
    ingest: Ingest, admin: Admin, body: bytes
) -> None:
    answer = await ingest.post(body, **{"Content-Encoding": "gzip"})
    refusal = json.loads(answer.body)
    assert (answer.status, refusal["code"], refusal["details"]) == (415, 3, [])
    assert "Content-Encoding" in refusal["message"]
    unsigned = await ingest.post(body, None, **{"Content-Encoding": "gzip"})
    assert unsigned.status == 401
    assert await deliveries(admin) == 0
    assert (await ingest.post(LEAD, **{"Content-Encoding": "identity"})).status == 200


async def test_header_bytes_that_are_no_text_are_stored_as_far_as_they_are(
    ingest: Ingest, admin: Admin
) -> None:
    host, _, port = ingest.http_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Length: {len(LEAD)}\r\n"
        f"X-Hub-Signature-256: {sign(APP_SECRET, LEAD)}\r\nUser-Agent: "
    )
    writer.write(head.encode() + b"\xff\xfe bot\r\n\r\n" + LEAD)
    await writer.drain()
    assert b" 200 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    kept = json.loads(await admin.fetchval("select headers from ingest.webhook_deliveries"))
    assert kept["user-agent"] == "?? bot"


async def test_every_error_has_the_body_that_the_edges_errors_have(ingest: Ingest) -> None:
    for body, secret, status, code in ((LEAD, None, 401, 16), (b"no json", APP_SECRET, 400, 3)):
        answer = await ingest.post(body, secret)
        assert answer.status == status
        assert set(json.loads(answer.body)) == {"code", "message", "details"}
        assert json.loads(answer.body)["code"] == code
