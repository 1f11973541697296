"""verify_books: every equation holds for what ingest does, and names the row that breaks it."""

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
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
    at,
    called,
    claim,
    count,
    create,
    later,
    of_item,
    receive,
    settle,
)

RECEIVED = "received = pending + stored + duplicate + ignored + dead"
LOGGED = "each log row counts its items"
MADE = "each stored lead item made its lead"
ONE = "each provider lead is one lead"
HANDED = "each lead is handed to routing"
TRACED = "no lead without a trace"
REFUSED = "no handoff was refused"
WORKED = "no open item without a worker"
REPEATS = "each duplicate item names what it repeats"
SAID = "each stored message item has its message"
TOLD = "messages and leads have their conversation"
EQUATIONS = [
    RECEIVED, LOGGED, MADE, ONE, HANDED, TRACED, REFUSED, WORKED, REPEATS, SAID, TOLD,
]  # fmt: skip


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


async def violations(ingest_db: Database) -> dict[str, list[str]]:
    """What each equation has to say; fails where one is missing."""
    rows = await ingest_db.rows("verify_books")
    assert [row["equation"] for row in rows] == EQUATIONS
    for row in rows:
        assert row["violation_count"] == len(row["violations"])
    return {row["equation"]: row["violations"] for row in rows if row["violation_count"]}


LEAD = "(select lead_id from ingest.leads where external_id = '900100')"


async def test_what_ingest_does_adds_up(ingest_db: Database) -> None:
    assert await violations(ingest_db) == {}


@pytest.mark.parametrize(
    ("tampering", "equation", "names"),
    [
        (
            "update ingest.webhook_deliveries set item_count = item_count + 1 where item_count = 2",
            RECEIVED,
            "webhook_deliveries",
        ),
        ("delete from ingest.webhook_orphans", RECEIVED, "webhook_deliveries"),
        (
            "update ingest.webhook_delivery_log set item_count = 7 where status = 'dead_letter'",
            LOGGED,
            "webhook_delivery_log",
        ),
        (f"delete from ingest.leads where lead_id = {LEAD}", MADE, "webhook_items"),
        (f"delete from ingest.leads where lead_id = {LEAD}", ONE, "lead_sources"),
        (
            "update ingest.webhook_items set status = 'stored', settled_at = now()"
            " where external_id = '900300'",
            MADE,
            "webhook_items",
        ),
        (f"delete from ingest.outbox where subject_id = {LEAD}", HANDED, "leads"),
        (
            f"update ingest.leads set trace_id = repeat('a', 32) where lead_id = {LEAD}",
            TRACED,
            "leads",
        ),
        (
            f"update ingest.outbox set trace_id = repeat('a', 32) where subject_id = {LEAD}",
            TRACED,
            "leads",
        ),
        (
            f"update ingest.outbox set status = 'refused', last_error = 'X'"
            f" where subject_id = {LEAD}",
            REFUSED,
            "outbox",
        ),
        (
            "update ingest.webhook_items set kind = 'change' where external_id = '900300'",
            WORKED,
            "webhook_items",
        ),
        (
            "update ingest.webhook_items set external_id = null where external_id = '900300'",
            WORKED,
            "webhook_items",
        ),
        (
            "update ingest.webhook_items set status = 'duplicate', settled_at = now()"
            " where external_id = '900300'",
            REPEATS,
            "webhook_items",
        ),
        (f"delete from ingest.leads where lead_id = {LEAD}", REPEATS, "webhook_items"),
        ("delete from ingest.messages where external_id = 'wamid.1'", SAID, "webhook_items"),
        (
            "delete from ingest.conversations where conversation_id ="
            f" (select conversation_id from ingest.leads where lead_id = {LEAD})",
            TOLD,
            "leads",
        ),
    ],
)
async def test_tampering_is_named(
    ingest_db: Database, admin: Admin, tampering: str, equation: str, names: str
) -> None:
    # Foreign keys look away, as they do after a restore that lost a table.
    await admin.execute("set session_replication_role = replica")
    answer = await admin.execute(tampering)
    assert int(answer.split()[-1]) == 1
    found = await violations(ingest_db)
    assert len(found[equation]) == 1
    assert found[equation][0].startswith(f"{names} ")


async def test_a_duplicate_of_a_lead_on_its_way_names_the_item_that_makes_it(
    ingest_db: Database,
) -> None:
    first, again = an_item(external_id="900400"), an_item(external_id="900400")
    await receive(ingest_db, a_webhook(first, again), now=later(10))
    token = new_id()
    items = {item.item_id: item for item in await claim(ingest_db, token=token, now=later(10))}
    both = [items[first.item_id], items[again.item_id]]
    assert await at(ingest_db, later(10)).upsert_lead_sources(both) == {first.item_id}
    await settle(ingest_db, token, both[1], "duplicate", reason="known", now=later(10))
    assert await violations(ingest_db) == {}


async def test_an_item_that_is_gone_breaks_two_equations(ingest_db: Database, admin: Admin) -> None:
    await admin.execute("delete from ingest.webhook_items where external_id = '900300'")
    assert set(await violations(ingest_db)) == {RECEIVED, LOGGED}


async def test_violations_name_no_persons(ingest_db: Database, admin: Admin) -> None:
    await admin.execute("delete from ingest.outbox")
    found = await violations(ingest_db)
    assert len(found[HANDED]) == await count(admin, "leads")
    assert "Ada" not in str(found)
    assert "+49" not in str(found)
