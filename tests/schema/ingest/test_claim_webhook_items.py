"""claim_webhook_items: due items, each to one worker at a time, until its lease ends."""

import asyncio

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.ingest.builders import (
    LEASE_SECONDS,
    NOW,
    PAGE,
    Admin,
    a_claimed_item,
    a_source,
    a_webhook,
    an_item,
    an_org,
    claim,
    later,
    receive,
)


@pytest.fixture(autouse=True)
async def _org_with_a_page(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)


async def test_a_claim_takes_due_items_of_its_kind_with_all_that_work_needs(
    ingest_db: Database,
) -> None:
    webhook = a_webhook(
        an_item(),
        an_item(kind="message", external_id="m_1"),
        an_item(kind="echo", disposition="ignored"),
    )
    await receive(ingest_db, webhook)
    (item,) = await claim(ingest_db)
    assert (item.kind, item.external_id, item.attempts) == ("leadgen", "900100", 1)
    assert (item.source_kind, item.source_external_id) == ("meta_page", PAGE)
    assert (item.default_region, item.payload) == ("DE", "{}")
    assert item.trace == webhook.items[0].trace
    assert item.webhook_trace == webhook.trace
    assert await claim(ingest_db) == []
    assert [each.external_id for each in await claim(ingest_db, kind="message")] == ["m_1"]


async def test_a_claim_waits_for_no_disk_and_what_is_settled_does(
    ingest_db: Database, admin: Admin
) -> None:
    await receive(ingest_db, a_webhook(an_item()))
    token = new_id()
    async with admin.transaction():
        (item,) = await admin.fetch(
            "select * from ingest.claim_webhook_items('leadgen', $1, 1, 1, 0, '{}', '{}', 60,"
            " p_now => $2)",
            token, NOW,
        )  # fmt: skip
        assert await admin.fetchval("show synchronous_commit") == "off"
    async with admin.transaction():
        settled = await admin.fetchval(
            "select ingest.settle_webhook_items(array[$1::uuid], array[$2::uuid], array[$3::uuid],"
            " '{ignored}', '{x}', '{0}', array[$4], p_now => $5)",
            item["org_id"], item["item_id"], token, new_root().trace_id, NOW,
        )  # fmt: skip
        assert settled == 1
        assert await admin.fetchval("show synchronous_commit") == "on"


async def test_items_are_claimed_oldest_first_and_no_more_than_asked(ingest_db: Database) -> None:
    for number in (2, 0, 1):
        await receive(ingest_db, a_webhook(an_item(external_id=str(number))), now=later(number))
    claimed = await claim(ingest_db, now=later(10), limit=2)
    assert [item.external_id for item in claimed] == ["0", "1"]


async def test_no_item_is_claimed_twice_at_once(ingest_db: Database) -> None:
    await receive(ingest_db, a_webhook(*[an_item(external_id=str(n)) for n in range(50)]))
    claims = await asyncio.gather(*[claim(ingest_db, limit=7) for _ in range(12)])
    ids = [item.item_id for items in claims for item in items]
    assert len(ids) == len(set(ids)) == 50


async def test_an_item_whose_lease_ran_out_is_due_again_and_its_attempt_is_recorded(
    ingest_db: Database, admin: Admin
) -> None:
    _, first = await a_claimed_item(ingest_db)
    assert await claim(ingest_db, now=later(LEASE_SECONDS - 1)) == []
    (second,) = await claim(ingest_db, now=later(LEASE_SECONDS))
    assert (second.item_id, second.attempts) == (first.item_id, 2)
    attempt = await admin.fetchrow("select * from ingest.item_attempts")
    assert attempt is not None
    assert (attempt["number"], attempt["outcome"]) == (1, "interrupted")
    assert attempt["started_at"] == NOW
