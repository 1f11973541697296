"""Whose turn it is: what a claim takes while more items are due than fit."""

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import pytest

from services.chassis.database import Database
from services.ingest.records.webhooks import ClaimedItem
from tests.schema.ingest.builders import (
    a_source,
    a_webhook,
    an_item,
    an_org,
    claim,
    later,
    receive,
)

IN_FLIGHT = 10
SPARE = 2


async def a_tenant(database: Database, name: str, items: int, *, seconds: float = 0) -> UUID:
    """A tenant with a page and so many items that came so late."""
    org = await an_org(database)
    await a_source(database, org.org_id, external_id=name)
    sent = [an_item(external_id=f"{name}-{number}", page=name) for number in range(items)]
    await receive(database, a_webhook(*sent), now=later(seconds))
    return org.org_id


async def take(
    database: Database, busy: Mapping[UUID, int], *, limit: int = 100
) -> list[ClaimedItem]:
    """What a worker with so much under way claims next."""
    return await claim(
        database, now=later(10), limit=limit, in_flight_max=IN_FLIGHT, spare=SPARE, busy=busy
    )


async def fill(database: Database, busy: Counter[UUID] | None = None) -> Counter[UUID]:
    """What is under way when a worker whose calls hang has claimed all it may."""
    busy = Counter(busy or {})
    while items := await take(database, busy):
        busy.update(item.org_id for item in items)
    return busy


async def test_a_newcomer_is_served_though_the_calls_of_a_backlog_hang(
    ingest_db: Database,
) -> None:
    hog = await a_tenant(ingest_db, "hog", 50)
    busy = await fill(ingest_db)
    assert busy == {hog: IN_FLIGHT - SPARE}
    newcomer = await a_tenant(ingest_db, "newcomer", 5, seconds=1)
    assert (await fill(ingest_db, busy))[newcomer] == SPARE


async def test_what_becomes_free_goes_to_the_tenant_with_the_fewest_under_way(
    ingest_db: Database,
) -> None:
    hog = await a_tenant(ingest_db, "hog", 50)
    newcomer = await a_tenant(ingest_db, "newcomer", 5, seconds=1)
    (item,) = await take(ingest_db, {hog: IN_FLIGHT - 1})
    assert item.org_id == newcomer


@pytest.mark.parametrize("limit", [4, 6])
async def test_tenants_share_what_fits_and_of_each_the_oldest_go_first(
    ingest_db: Database, limit: int
) -> None:
    first = await a_tenant(ingest_db, "first", 9)
    second = await a_tenant(ingest_db, "second", 9, seconds=1)
    items = await take(ingest_db, {}, limit=limit)
    assert Counter(item.org_id for item in items) == {first: limit // 2, second: limit // 2}


async def test_what_came_first_goes_first_within_a_tenant(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id, external_id="page")
    for number in (3, 1, 2):
        item = an_item(external_id=str(number), page="page")
        await receive(ingest_db, a_webhook(item), now=later(number))
    items = await take(ingest_db, {}, limit=2)
    assert [item.external_id for item in items] == ["1", "2"]


async def test_nothing_goes_beyond_what_may_be_under_way_in_all(ingest_db: Database) -> None:
    for number in range(12):
        await a_tenant(ingest_db, f"page{number}", 3)
    busy = await fill(ingest_db)
    assert IN_FLIGHT - SPARE <= busy.total() <= IN_FLIGHT
    assert set(busy.values()) == {1}
