"""replay_webhook_item: a dead letter is due again, once, its attempts counted from zero."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.trace import new_root
from services.ingest.records.webhooks import ClaimedItem
from tests.schema.ingest.builders import (
    NOW,
    Admin,
    Org,
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


async def replay(ingest_db: Database, org_id: UUID, item_id: UUID) -> None:
    await ingest_db.rows(
        "replay_webhook_item",
        p_org_id=org_id,
        p_item_id=item_id,
        p_traceparent=new_root().traceparent,
        p_now=later(3600),
    )


async def a_dead_item(ingest_db: Database) -> tuple[Org, ClaimedItem]:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    token, item = await a_claimed_item(ingest_db)
    await at(ingest_db).upsert_lead_sources([item])
    await settle(ingest_db, token, item, "dead_letter", reason="gone")
    return org, item


async def test_a_dead_letter_is_due_again_with_its_attempts_counted_from_zero(
    ingest_db: Database, admin: Admin
) -> None:
    org, item = await a_dead_item(ingest_db)
    await replay(ingest_db, org.org_id, item.item_id)
    log = await admin.fetchrow("select * from ingest.webhook_delivery_log")
    assert log is not None
    assert (log["status"], log["completed_at"], log["error_message"]) == ("processing", None, None)
    (again,) = await claim(ingest_db, now=later(3600))
    assert (again.item_id, again.attempts, again.trace) == (item.item_id, 1, item.trace)
    assert await admin.fetchval("select attempts from ingest.webhook_items") == 2


async def test_a_replayed_item_still_makes_its_lead(ingest_db: Database) -> None:
    org, item = await a_dead_item(ingest_db)
    await replay(ingest_db, org.org_id, item.item_id)
    (again,) = await claim(ingest_db, now=later(3600))
    assert await at(ingest_db).upsert_lead_sources([again]) == {item.item_id}


async def test_an_item_that_is_not_dead_is_refused(ingest_db: Database) -> None:
    org, item = await a_dead_item(ingest_db)
    await replay(ingest_db, org.org_id, item.item_id)
    with pytest.raises(DomainError) as caught:
        await replay(ingest_db, org.org_id, item.item_id)
    assert caught.value.reason == "ITEM_NOT_DEAD"
    assert caught.value.metadata == {"item_id": str(item.item_id), "status": "pending"}


async def test_of_many_replays_at_once_one_does(ingest_db: Database) -> None:
    org, item = await a_dead_item(ingest_db)
    calls = [replay(ingest_db, org.org_id, item.item_id) for _ in range(10)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1


async def test_another_orgs_item_is_not_found(ingest_db: Database) -> None:
    _, item = await a_dead_item(ingest_db)
    other = await an_org(ingest_db)
    for org_id, item_id in ((other.org_id, item.item_id), (other.org_id, uuid4())):
        with pytest.raises(DomainError) as caught:
            await replay(ingest_db, org_id, item_id)
        assert caught.value.reason == "ITEM_NOT_FOUND"


async def test_a_stored_item_is_refused(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    item, _ = await a_lead_item(ingest_db, source_id, now=NOW)
    with pytest.raises(DomainError) as caught:
        await replay(ingest_db, org.org_id, item.item_id)
    assert caught.value.metadata["status"] == "stored"


@pytest.mark.parametrize(
    ("kind", "external_id"), [("change", None), ("messaging", None), ("leadgen", None)]
)
async def test_what_was_malformed_on_arrival_is_refused_and_stays_a_dead_letter(
    ingest_db: Database, admin: Admin, kind: str, external_id: str | None
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    item = an_item(
        kind=kind, external_id=external_id, disposition="dead_letter", reason="malformed: x"
    )
    await receive(ingest_db, a_webhook(item))
    with pytest.raises(DomainError) as caught:
        await replay(ingest_db, org.org_id, item.item_id)
    assert caught.value.reason == "ITEM_NOT_REPLAYABLE"
    assert caught.value.metadata == {
        "item_id": str(item.item_id), "kind": kind, "reason": "malformed: x",
    }  # fmt: skip
    assert await count(admin, "webhook_items", "status = 'dead_letter'") == 1
