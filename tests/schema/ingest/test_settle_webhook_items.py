"""settle_webhook_items: only for the token that holds the lease, each outcome as it says."""

import asyncio
from dataclasses import replace

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.ingest.records.webhooks import ClaimedItem, ItemSettlement
from tests.schema.ingest.builders import (
    LEASE_SECONDS,
    Admin,
    a_claimed_item,
    a_lead_item,
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


@pytest.fixture(autouse=True)
async def _org_with_a_page(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)


async def state(admin: Admin) -> tuple[str, str | None, int, str, str | None]:
    """The one item's status, reason and attempts, and its log row's status and error."""
    item = await admin.fetchrow("select * from ingest.webhook_items")
    log = await admin.fetchrow("select * from ingest.webhook_delivery_log")
    assert item is not None
    assert log is not None
    return item["status"], item["reason"], item["attempts"], log["status"], log["error_message"]


async def test_a_stalled_worker_settles_nothing(ingest_db: Database, admin: Admin) -> None:
    token, item = await a_claimed_item(ingest_db)
    assert await settle(ingest_db, token, item, "ignored", now=later(LEASE_SECONDS)) == 0
    assert await settle(ingest_db, new_id(), item, "ignored") == 0
    assert await admin.fetchval("select status from ingest.webhook_items") == "processing"
    assert await count(admin, "item_attempts") == 0
    assert await settle(ingest_db, token, item, "ignored", now=later(LEASE_SECONDS - 1)) == 1


async def test_a_stale_attempt_beside_the_one_that_holds_the_item_settles_nothing(
    ingest_db: Database, admin: Admin
) -> None:
    stale, item = await a_claimed_item(ingest_db)
    late = later(LEASE_SECONDS)
    (again,) = await claim(ingest_db, now=late)
    settlements = [
        ItemSettlement(item=replace(item, token=token), outcome=outcome, reason=outcome)
        for token, outcome in ((stale, "dead_letter"), (again.token, "ignored"))
    ]
    assert await at(ingest_db, late).settle_webhook_items(settlements) == 1
    assert await state(admin) == ("ignored", "ignored", 2, "completed", None)
    outcomes = await admin.fetch("select outcome from ingest.item_attempts order by number")
    assert [row["outcome"] for row in outcomes] == ["interrupted", "ignored"]


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        ("ignored", "of no use", ("ignored", "of no use", 1, "completed", None)),
        ("duplicate", "known", ("duplicate", "known", 1, "completed", None)),
        ("dead_letter", "gone", ("dead_letter", "gone", 1, "dead_letter", "gone")),
        ("retry", "busy", ("failed", "busy", 1, "failed", "busy")),
        ("returned", None, ("pending", None, 0, "processing", None)),
    ],
)
async def test_each_outcome_leaves_item_and_log_as_it_says(
    ingest_db: Database,
    admin: Admin,
    outcome: str,
    reason: str | None,
    expected: tuple[str, str | None, int, str, str | None],
) -> None:
    token, item = await a_claimed_item(ingest_db)
    await settle(ingest_db, token, item, outcome, reason=reason, retry_after_seconds=30)
    assert await state(admin) == expected
    tries = await count(admin, "item_attempts")
    assert tries == (0 if outcome == "returned" else 1)


async def test_a_retry_is_due_when_it_says_and_a_returned_item_at_once(
    ingest_db: Database,
) -> None:
    token, item = await a_claimed_item(ingest_db)
    await settle(ingest_db, token, item, "retry", reason="busy", retry_after_seconds=30)
    assert await claim(ingest_db, now=later(29)) == []
    token = new_id()
    (again,) = await claim(ingest_db, now=later(30), token=token)
    assert again.attempts == 2
    await settle(ingest_db, token, again, "returned", now=later(31))
    (third,) = await claim(ingest_db, now=later(31))
    assert third.attempts == 2


async def test_every_attempt_is_recorded_with_its_own_trace(
    ingest_db: Database, admin: Admin
) -> None:
    token, item = await a_claimed_item(ingest_db)
    await settle(ingest_db, token, item, "retry", reason="busy", retry_after_seconds=30)
    token = new_id()
    (item,) = await claim(ingest_db, now=later(30), token=token)
    await settle(ingest_db, token, item, "dead_letter", reason="gone", now=later(31))
    rows = await admin.fetch("select * from ingest.item_attempts order by number")
    assert [(row["number"], row["outcome"], row["error"]) for row in rows] == [
        (1, "retry", "busy"),
        (2, "dead_letter", "gone"),
    ]
    assert {row["trace_id"] for row in rows} == {item.trace.trace_id}
    assert len({row["attempt_trace_id"] for row in rows}) == 2


async def test_a_log_row_is_completed_when_its_last_item_is(
    ingest_db: Database, admin: Admin
) -> None:
    await receive(ingest_db, a_webhook(an_item(external_id="1"), an_item(external_id="2")))
    token = new_id()
    first, second = await claim(ingest_db, token=token)
    statuses = []
    for item, outcome in ((first, "retry"), (second, "ignored")):
        await settle(ingest_db, token, item, outcome, reason="x", retry_after_seconds=10)
        statuses.append(await admin.fetchval("select status from ingest.webhook_delivery_log"))
    token = new_id()
    (first,) = await claim(ingest_db, now=later(10), token=token)
    await settle(ingest_db, token, first, "ignored", now=later(11))
    log = await admin.fetchrow("select * from ingest.webhook_delivery_log")
    assert log is not None
    assert [*statuses, log["status"]] == ["failed", "failed", "completed"]
    assert (log["attempts"], log["last_attempt_at"], log["completed_at"]) == (
        2,
        later(11),
        later(11),
    )
    assert log["job_id"] == token


async def test_items_of_one_webhook_settled_at_once_complete_its_log_row(
    ingest_db: Database, admin: Admin
) -> None:
    await receive(ingest_db, a_webhook(*[an_item(external_id=str(n)) for n in range(20)]))
    token = new_id()
    items = await claim(ingest_db, token=token)
    await asyncio.gather(*[settle(ingest_db, token, item, "ignored") for item in items])
    assert await admin.fetchval("select status from ingest.webhook_delivery_log") == "completed"


async def test_a_duplicate_names_the_lead_that_is_there(ingest_db: Database, admin: Admin) -> None:
    source_id = await admin.fetchval("select source_id from ingest.sources where kind <> 'api'")
    _, stored = await a_lead_item(ingest_db, source_id)
    token, again = await a_claimed_item(ingest_db, now=later(60))
    await settle(ingest_db, token, again, "duplicate", reason="known", now=later(61))
    lead_id = await admin.fetchval(
        "select lead_id from ingest.webhook_items where item_id = $1", again.item_id
    )
    assert lead_id == stored.lead_id


async def test_a_batch_settles_what_it_holds_and_leaves_the_rest(
    ingest_db: Database, admin: Admin
) -> None:
    await receive(ingest_db, a_webhook(an_item(external_id="1"), an_item(external_id="2")))
    token = new_id()
    held = await claim(ingest_db, token=token, limit=1)
    others: list[ClaimedItem] = await claim(ingest_db)
    settlements = [
        ItemSettlement(item=replace(item, token=token), outcome="ignored", reason="x")
        for item in (*held, *others)
    ]
    assert await at(ingest_db).settle_webhook_items(settlements) == 1
    assert await count(admin, "webhook_items", "status = 'ignored'") == 1
    assert await count(admin, "webhook_items", "status = 'processing'") == 1
