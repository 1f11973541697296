"""The samples that `make run` sends, down to the rows that they leave."""

from collections import Counter
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import pytest

from deploy.local.sample_customer import Customer
from deploy.local.samples import SampleResult, Samples

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Tables with the rows of one customer after all samples: two leads of a webhook, a WhatsApp text,
# a posted lead, the webhook again, and a lead whose phone another workspace has.
EXPECTED = {
    "ingest.webhook_delivery_log": 3,
    "ingest.webhook_items": 5,
    "ingest.leads": 5,
    # The posted lead and its duplicate are one person in one conversation.
    "ingest.contacts": 4,
    "ingest.conversations": 4,
    "ingest.messages": 3,
    "ingest.lead_sources": 2,
    "routing.leads": 5,
    "routing.lead_routing_logs": 5,
    "delivery.lead_offers": 4,
    "delivery.deliveries": 4,
    "delivery.attempts": 4,
}


async def count(rows: Rows, table: str, customer: Customer, where: str = "true") -> int:
    counted: int = await rows.fetchval(
        f"select count(*) from {table} where org_id = $1 and {where}",
        UUID(customer.org_id),
    )
    return counted


@pytest.fixture
async def outcomes(samples: Samples) -> list[SampleResult]:
    """All samples, each at its end."""
    return [await sample() for sample in samples.all()]


async def test_each_sample_leaves_exactly_its_rows(
    outcomes: list[SampleResult], customer: Customer, rows: Rows
) -> None:
    assert len(outcomes) == 5
    counted = {table: await count(rows, table, customer) for table in EXPECTED}
    assert counted == EXPECTED


async def test_each_item_has_the_fate_that_the_samples_say(
    outcomes: list[SampleResult], customer: Customer, rows: Rows
) -> None:
    items = await rows.fetch(
        "select status from ingest.webhook_items where org_id = $1", UUID(customer.org_id)
    )
    assert Counter(item["status"] for item in items) == {"stored": 3, "duplicate": 2}
    routed = await rows.fetch(
        "select routing_status, routing_error from routing.leads where org_id = $1",
        UUID(customer.org_id),
    )
    assert Counter((lead["routing_status"], lead["routing_error"]) for lead in routed) == {
        ("routed", None): 4,
        ("failed", "CROSS_PARTNER_DUPLICATE"): 1,
    }


async def test_each_delivery_consumed_exactly_one_credit(
    outcomes: list[SampleResult], customer: Customer, rows: Rows
) -> None:
    consumed = await rows.fetch(
        """select delivery_id, count(*) as times from delivery.credit_transactions
           where org_id = $1 and type = 'CREDIT_CONSUMPTION' group by delivery_id""",
        UUID(customer.org_id),
    )
    assert [row["times"] for row in consumed] == [1, 1, 1, 1]
    delivered = "status = 'DELIVERED'"
    assert await count(rows, "delivery.deliveries", customer, delivered) == 4


async def test_one_trace_goes_from_each_arrival_to_its_delivery(
    outcomes: list[SampleResult], customer: Customer, rows: Rows
) -> None:
    leads = await rows.fetch(
        """select l.trace_id as lead, i.trace_id as item, r.trace_id as routed,
             o.trace_id as offer, d.trace_id as delivery, a.trace_id as attempt,
             t.trace_id as consumption
           from ingest.leads l
           left join ingest.webhook_items i on i.org_id = l.org_id and i.item_id = l.item_id
           join routing.leads r on r.lead_id = l.lead_id
           join delivery.lead_offers o on o.lead_id = l.lead_id
           join delivery.deliveries d on d.offer_id = o.offer_id
           join delivery.attempts a on a.delivery_id = d.delivery_id
           join delivery.credit_transactions t
             on t.delivery_id = d.delivery_id and t.type = 'CREDIT_CONSUMPTION'
           where l.org_id = $1""",
        UUID(customer.org_id),
    )
    assert len(leads) == 4
    for lead in leads:
        assert set(lead.values()) - {None} == {lead["lead"]}, dict(lead)
    assert len({lead["lead"] for lead in leads}) == 4


async def test_each_delivered_lead_reached_its_buyer_once_with_a_good_signature(
    outcomes: list[SampleResult], customer: Customer, samples: Samples
) -> None:
    received: dict[str, list[Any]] = {}
    for workspace in ("alpha", "beta"):
        name = f"{customer.org.name}-{workspace}"
        url = f"{samples.buyers_url}/_control/buyers/{name}/received"
        async with customer.api.session.get(url) as answer:
            received[workspace] = (await answer.json())["received"]
    assert {name: len(each) for name, each in received.items()} == {"alpha": 3, "beta": 1}
    every = received["alpha"] + received["beta"]
    assert all(each["verified"] and each["outcome"] == "accepted" for each in every)
    assert len({each["webhook_id"] for each in every}) == 4
