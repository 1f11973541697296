"""Malformed and hostile input through the edge."""

import json
from typing import TypeAlias

import asyncpg
import pytest

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from sandbox.meta_json import meta_bytes
from sandbox.meta_webhooks import (
    handshake,
    whatsapp_text,
)
from tests.system.waiting import until
from tests.system.webhooks import a_text, post

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PATHS = ["/webhooks/meta", "/api/webhook", "/api/webhooks/whatsapp"]


async def raw_count(rows: Rows) -> int:
    counted: int = await rows.fetchval("select count(*) from ingest.webhook_deliveries")
    return counted


@pytest.mark.parametrize("path", PATHS)
async def test_a_wrong_signature_is_401_and_leaves_no_row(
    stack: Stack, customer: Customer, rows: Rows, path: str
) -> None:
    before = await raw_count(rows)
    answer = await post(stack, customer, b'{"object":"page"}', secret="guessed", path=path)
    assert answer.status == 401
    assert await raw_count(rows) == before


@pytest.mark.parametrize("path", PATHS)
async def test_no_signature_is_401(stack: Stack, customer: Customer, path: str) -> None:
    answer = await post(stack, customer, b'{"object":"page"}', secret=None, path=path)
    assert answer.status == 401
    assert "X-Hub-Signature-256" in json.loads(answer.body)["message"]


async def test_a_body_over_3_mb_is_413(stack: Stack, customer: Customer, rows: Rows) -> None:
    before = await raw_count(rows)
    body = b'{"object":"page","x":"' + b"a" * (3 * 1024 * 1024) + b'"}'
    assert (await post(stack, customer, body)).status == 413
    assert await raw_count(rows) == before


async def test_a_body_just_below_3_mb_is_taken(stack: Stack, customer: Customer) -> None:
    body = b'{"object":"page","x":"' + b"a" * (3 * 1024 * 1024 - 100) + b'"}'
    assert (await post(stack, customer, body)).status == 200


async def test_what_is_no_json_is_400(stack: Stack, customer: Customer) -> None:
    assert (await post(stack, customer, b"{object:page}")).status == 400


@pytest.mark.parametrize(
    "webhook",
    [
        {"object": "user", "entry": [{"id": "1", "changes": [{"field": "photos"}]}]},
        {"object": "page", "entry": [{"id": "31337", "changes": [{"field": "leadgen"}]}]},
        ["not", "an", "object"],
        {"object": 7},
    ],
    ids=["unknown object", "unknown page", "a list", "an object that is a number"],
)
async def test_what_concerns_nobody_is_200_and_kept_with_its_reason(
    stack: Stack, customer: Customer, rows: Rows, webhook: object
) -> None:
    answer = await post(stack, customer, meta_bytes(webhook))
    assert answer.status == 200
    trace_id = answer.headers["x-waybill-trace-id"]
    orphans = await rows.fetch(
        """select o.status, o.reason from ingest.webhook_orphans o
           join ingest.webhook_deliveries d using (delivery_id) where d.trace_id = $1""",
        trace_id,
    )
    assert len(orphans) == 1
    assert orphans[0]["status"] in ("ignored", "dead_letter")
    assert orphans[0]["reason"]


async def test_one_malformed_item_among_good_ones_is_dead_lettered_alone(
    stack: Stack, customer: Customer, rows: Rows
) -> None:
    good = [a_text(customer), a_text(customer)]
    webhook = json.loads(whatsapp_text(*good))
    messages = webhook["entry"][0]["changes"][0]["value"]["messages"]
    messages.insert(1, {"type": "text", "text": {"body": "no id, no sender"}})
    assert (await post(stack, customer, meta_bytes(webhook))).status == 200

    async def settled() -> list[str] | None:
        items = await rows.fetch(
            """select i.status from ingest.webhook_items i where i.org_id = $1::text::uuid
               order by i.ordinal""",
            customer.org_id,
        )
        statuses = [item["status"] for item in items]
        return None if set(statuses) & {"pending", "processing"} else statuses

    assert await until(settled) == ["stored", "dead_letter", "stored"]
    dead = await customer.api.get("/api/webhook-items", status="dead_letter")
    assert [item["reason"] for item in dead["items"]] == ["malformed: no message id"]


async def test_the_handshake_echoes_the_challenge_to_who_knows_the_token(
    stack: Stack, customer: Customer
) -> None:
    answer = await handshake(f"{stack.edge_url}/webhooks/meta", customer.verify_token, "1158201444")
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert (await handshake(f"{stack.edge_url}/webhooks/meta", "guessed")).status == 403


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"customer_phone": "12"}, ["customer_phone"]),
        ({"type": "arguments"}, ["type"]),
        ({"customer_phone": "not a number", "type": ""}, ["type", "customer_phone"]),
        ({"customer_phone": "not a number", "type": "x"}, ["customer_phone", "type"]),
    ],
)
async def test_a_bad_lead_is_400_with_the_field_named_and_no_row_left(
    stack: Stack, customer: Customer, changes: dict[str, str], fields: list[str]
) -> None:
    lead = {"customer_phone": "0151 23456789", "customer_name": "C", "type": "order", "details": ""}
    async with customer.api.session.post(
        f"{stack.edge_url}/api/leads",
        json=lead | changes,
        headers={"Authorization": f"Bearer {customer.api.token}"},
    ) as answer:
        body = await answer.json()
    assert answer.status == 400
    violations = next(each for each in body["details"] if "fieldViolations" in each)
    assert [each["field"] for each in violations["fieldViolations"]] == fields
    assert (await customer.api.get("/api/leads"))["leads"] == []


async def test_a_field_that_no_lead_has_is_400(stack: Stack, customer: Customer) -> None:
    lead = {"customer_phone": "0151 23456789", "type": "order", "colour": "blue"}
    async with customer.api.session.post(
        f"{stack.edge_url}/api/leads",
        json=lead,
        headers={"Authorization": f"Bearer {customer.api.token}"},
    ) as answer:
        assert answer.status == 400
