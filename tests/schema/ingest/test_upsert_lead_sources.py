"""upsert_lead_sources: a provider's lead is made by one item, however often it arrives."""

import asyncio
from uuid import UUID

from services.chassis.database import Database
from services.ingest.records.webhooks import ClaimedItem
from tests.schema.ingest.builders import (
    Admin,
    a_claimed_item,
    a_source,
    a_webhook,
    an_item,
    an_org,
    at,
    claim,
    count,
    later,
    receive,
    settle,
)


async def two_items(ingest_db: Database, *, external_id: str = "900100") -> list[ClaimedItem]:
    """Two claimed items of one lead."""
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    items = [an_item(external_id=external_id) for _ in range(2)]
    await receive(ingest_db, a_webhook(*items))
    return await claim(ingest_db)


async def owned(ingest_db: Database, *items: ClaimedItem) -> set[UUID]:
    return await at(ingest_db).upsert_lead_sources(items)


async def test_the_first_of_two_items_in_one_call_makes_the_lead(
    ingest_db: Database, admin: Admin
) -> None:
    first, second = await two_items(ingest_db)
    assert await owned(ingest_db, first, second) == {first.item_id}
    assert await count(admin, "lead_sources") == 1


async def test_an_item_that_asks_again_still_makes_the_lead(ingest_db: Database) -> None:
    first, second = await two_items(ingest_db)
    assert await owned(ingest_db, first) == {first.item_id}
    assert await owned(ingest_db, second) == set()
    assert await owned(ingest_db, first) == {first.item_id}


async def test_of_many_that_ask_at_once_one_makes_the_lead(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    await receive(ingest_db, a_webhook(*[an_item() for _ in range(50)]))
    items = await claim(ingest_db)
    answers = await asyncio.gather(*[owned(ingest_db, item) for item in items])
    assert sum(map(len, answers)) == 1
    assert await count(admin, "lead_sources") == 1


async def test_a_repeat_after_days_is_a_duplicate(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    _, first = await a_claimed_item(ingest_db)
    assert await owned(ingest_db, first) == {first.item_id}
    _, second = await a_claimed_item(ingest_db, now=later(6 * 86_400))
    assert await owned(ingest_db, second) == set()


async def test_an_item_takes_over_from_one_that_ended_as_dead_letter(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    token, first = await a_claimed_item(ingest_db)
    assert await owned(ingest_db, first) == {first.item_id}
    await settle(ingest_db, token, first, "dead_letter", reason="gone")
    _, second = await a_claimed_item(ingest_db, now=later(60))
    _, third = await a_claimed_item(ingest_db, now=later(61))
    assert await owned(ingest_db, second) == {second.item_id}
    assert await owned(ingest_db, third) == set()
    assert await owned(ingest_db, first) == set()


async def test_of_many_that_take_over_at_once_one_does(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    token, dead = await a_claimed_item(ingest_db)
    await owned(ingest_db, dead)
    await settle(ingest_db, token, dead, "dead_letter", reason="gone")
    await receive(ingest_db, a_webhook(*[an_item() for _ in range(20)]), now=later(1))
    items = await claim(ingest_db, now=later(1))
    answers = await asyncio.gather(*[owned(ingest_db, item) for item in items])
    assert sum(map(len, answers)) == 1


async def test_equal_ids_of_two_sources_are_two_leads(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    await a_source(ingest_db, org.org_id, external_id="2")
    await receive(ingest_db, a_webhook(an_item(), an_item(page="2")))
    items = await claim(ingest_db)
    assert await owned(ingest_db, *items) == {item.item_id for item in items}
