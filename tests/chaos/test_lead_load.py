"""A thousand leads at once, one in five of them a duplicate in some form."""

import asyncio
import re
from collections import Counter
from typing import Any

import aiohttp
import msgspec

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from sandbox.meta_json import sign
from sandbox.meta_leads import Answered, Lead
from sandbox.meta_webhooks import LeadChange, leadgen
from tests.chaos.customer_rows import CustomerRows, waybill
from tests.system.waiting import until

POSTED = 700
LEAD_ADS = 100
DUPLICATES_OF_A_FORM = 50
PER_WEBHOOK = 5
TROUBLE = re.compile(r"deadlock detected|lock timeout|could not serialize|canceling statement")


def a_lead(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "customer_phone": f"0171{number:07d}",
        "customer_name": f"Person {number}",
        "type": "order",
        "details": "",
        "request_id": f"load-{number}",
    } | changes


def posts() -> list[dict[str, Any]]:
    """Each lead, followed at once by what duplicates it."""
    sent = []
    for number in range(POSTED):
        sent.append(a_lead(number))
        match number // DUPLICATES_OF_A_FORM:
            case 0:
                sent.append(a_lead(number))
            case 1:
                sent.append(a_lead(number, details="other content"))
            case 2:
                # A quote goes to another workspace than an order.
                sent.append(a_lead(number, type="quote", request_id=f"quote-{number}"))
    return sent


def webhooks(page_id: str) -> list[bytes]:
    """Lead Ads webhooks of five leads each; every second one is sent twice."""
    first = int(page_id)
    sent = []
    for start in range(first, first + LEAD_ADS, PER_WEBHOOK):
        changes = [
            LeadChange(leadgen_id=each, page_id=first) for each in range(start, start + PER_WEBHOOK)
        ]
        sent += [leadgen(*changes)] * (1 + (start - first) // PER_WEBHOOK % 2)
    return sent


async def register(stack: Stack, customer: Customer, session: aiohttp.ClientSession) -> None:
    """Has Meta know the answers of the Lead Ads."""
    page_id = customer.org.page_id
    for number in range(LEAD_ADS):
        phone = Answered(name="phone_number", values=[f"0160{number:07d}"])
        lead = msgspec.json.encode(Lead(page_id=page_id, field_data=[phone]))
        url = f"{stack.meta_url}/_control/leads/{int(page_id) + number}"
        headers = {"Content-Type": "application/json"}
        async with session.put(url, data=lead, headers=headers) as answer:
            answer.raise_for_status()


async def test_a_thousand_leads_at_once_are_delivered_and_charged_once_each(
    stack: Stack, customer: Customer, session: aiohttp.ClientSession, customer_rows: CustomerRows
) -> None:
    await register(stack, customer, session)
    connector = aiohttp.TCPConnector(limit=0)
    limit = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as crowd:

        async def post(body: dict[str, Any]) -> int:
            headers = {"Authorization": f"Bearer {customer.api.token}"}
            async with crowd.post(
                f"{stack.edge_url}/api/leads", json=body, headers=headers
            ) as answer:
                await answer.read()
                return answer.status

        async def webhook(body: bytes) -> int:
            headers = {
                "Content-Type": "application/json",
                "X-Hub-Signature-256": sign(customer.app_secret, body),
            }
            url = f"{stack.edge_url}/webhooks/meta"
            async with crowd.post(url, data=body, headers=headers) as answer:
                await answer.read()
                return answer.status

        calls = [*map(post, posts()), *map(webhook, webhooks(customer.org.page_id))]
        statuses = Counter(await asyncio.gather(*calls))

    # Of two contents under one request id the one that came second is refused.
    assert statuses == {200: len(calls) - DUPLICATES_OF_A_FORM, 409: DUPLICATES_OF_A_FORM}
    unique = POSTED + LEAD_ADS
    await customer_rows.delivered(unique, seconds_max=90)

    async def all_decided() -> bool:
        counts = await customer_rows.lead_counts()
        return not (counts["items_open"] or counts["to_routing"] or counts["to_route"])

    await until(all_decided)
    counts = await customer_rows.lead_counts()
    assert counts["stored"] == unique + DUPLICATES_OF_A_FORM
    assert (counts["delivered"], counts["charged"]) == (unique, unique)
    refused = "select count(*) from routing.leads where org_id = $1 and routing_error = $2"
    assert await customer_rows.value(refused, "CROSS_PARTNER_DUPLICATE") == DUPLICATES_OF_A_FORM
    known = "select count(*) from ingest.webhook_items where org_id = $1 and status = 'duplicate'"
    assert await customer_rows.value(known) == DUPLICATES_OF_A_FORM
    webhook_ids = await customer_rows.webhook_ids()
    assert len(webhook_ids) == unique
    assert all(len(ids) == 1 for ids in webhook_ids.values())
    code, output = await waybill(stack, customer, "verify")
    assert code == 0, output
    assert not TROUBLE.findall(stack.postgres.log_path.read_text())
