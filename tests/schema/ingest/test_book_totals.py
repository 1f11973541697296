"""book_totals: what routing and sync took over."""

import pytest

from services.chassis.database import Database
from services.ingest.records.webhooks import MESSAGE
from tests.schema.ingest.builders import (
    NUMBER,
    Admin,
    a_claimed_item,
    a_lead_item,
    a_message,
    a_new_lead,
    a_source,
    a_webhook,
    an_item,
    an_org,
    called,
    count,
    create,
    later,
    of_item,
    receive,
    settle,
)


@pytest.fixture(autouse=True)
async def books(ingest_db: Database) -> None:
    """Some of everything that ingest does."""
    org = await an_org(ingest_db)
    page = await a_source(ingest_db, org.org_id)
    number = await a_source(ingest_db, org.org_id, kind="whatsapp_number", external_id=NUMBER)
    await create(ingest_db, called(org))
    await a_lead_item(ingest_db, page)
    token, again = await a_claimed_item(ingest_db, now=later(1))
    await settle(ingest_db, token, again, "duplicate", reason="known", now=later(1))
    token, message = await a_claimed_item(
        ingest_db, kind=MESSAGE, external_id="wamid.1", page=NUMBER, source_kind="whatsapp_number"
    )
    lead = a_new_lead(number, message=a_message(), first_contact=True)
    await create(ingest_db, of_item(token, message, lead))
    token, dead = await a_claimed_item(ingest_db, external_id="900200", now=later(2))
    await settle(ingest_db, token, dead, "dead_letter", reason="gone", now=later(2))
    await receive(ingest_db, a_webhook(an_item(external_id="900300"), an_item(page="unknown")))


async def totals(ingest_db: Database) -> dict[str, int]:
    return {row["name"]: row["total"] for row in await ingest_db.rows("book_totals")}


async def test_totals_count_what_routing_took(ingest_db: Database, admin: Admin) -> None:
    assert await totals(ingest_db) == {"leads_handed_over": 0, "events_handed_over": 0}
    await admin.execute("update ingest.outbox set status = 'sent'")
    assert (await totals(ingest_db))["leads_handed_over"] == await count(admin, "leads")
