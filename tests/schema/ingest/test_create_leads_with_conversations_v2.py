"""create_leads_with_conversations_v2: all of a lead or none of it, once."""

from dataclasses import replace

import asyncpg
import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from services.ingest.records.leads import FormAnswer
from tests.schema.ingest.builders import (
    LEASE_SECONDS,
    NOW,
    Admin,
    a_claimed_item,
    a_lead_item,
    a_message,
    a_new_lead,
    a_source,
    an_org,
    at,
    called,
    claim,
    count,
    create,
    later,
    of_item,
    rows_of_leads,
)

ONE_OF_EACH = {
    "contacts": 1,
    "contact_identities": 1,
    "conversations": 1,
    "messages": 1,
    "leads": 1,
    "outbox": 1,
}


def a_request(value: str = "r1", content: str = "a") -> RequestId:
    return RequestId(value=value, content_hash=content)


async def test_a_lead_comes_with_contact_conversation_message_and_handoff(
    ingest_db: Database, admin: Admin
) -> None:
    org, trace = await an_org(ingest_db), new_root()
    lead = replace(
        a_new_lead(org.source_id, message=a_message(None)),
        answers=(FormAnswer(name="models", values=("a", "b")),),
        consents={"newsletter": True, "calls": False},
    )
    (stored,) = await create(ingest_db, called(org, lead, trace=trace))
    assert (stored.outcome, stored.lead_id) == ("created", lead.lead_id)
    assert stored.conversation_id == lead.conversation_id
    assert await rows_of_leads(admin) == ONE_OF_EACH
    row = await admin.fetchrow("select * from ingest.leads")
    assert row is not None
    assert row["answers"] == '[{"name": "models", "values": ["a", "b"]}]'
    assert row["consents"] == '{"calls": false, "newsletter": true}'
    for table in ("leads", "messages", "conversations", "contacts", "contact_identities", "outbox"):
        assert await admin.fetchval(f"select trace_id from ingest.{table}") == trace.trace_id
    handoff = await admin.fetchrow("select * from ingest.outbox")
    assert handoff is not None
    assert handoff["topic"] == "routing.enqueue_leads"
    assert (handoff["subject_id"], handoff["traceparent"]) == (lead.lead_id, trace.traceparent)
    assert handoff["due_at"] == NOW


async def test_a_lead_that_cannot_be_stored_leaves_no_row(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    good = called(org, a_new_lead(org.source_id, message=a_message(None)))
    bad = called(org, replace(a_new_lead(org.source_id, phone="+12125550123"), type="gift"))
    with pytest.raises(asyncpg.CheckViolationError):
        await create(ingest_db, good, bad)
    assert set((await rows_of_leads(admin)).values()) == {0}


async def test_a_lead_of_a_source_that_is_not_the_orgs_is_not_stored(
    ingest_db: Database, admin: Admin
) -> None:
    org, other = await an_org(ingest_db), await an_org(ingest_db)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await create(ingest_db, called(org, a_new_lead(other.source_id)))
    assert set((await rows_of_leads(admin)).values()) == {0}


async def test_no_second_lead_of_a_submission_can_be_written(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await a_lead_item(ingest_db, await a_source(ingest_db, org.org_id))
    with pytest.raises(asyncpg.UniqueViolationError, match="source_id_external_id"):
        await admin.execute(
            "insert into ingest.leads select (jsonb_populate_record(l,"
            " jsonb_build_object('lead_id', gen_random_uuid()))).* from ingest.leads l"
        )


async def test_a_worker_that_lost_its_lease_leaves_no_row(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    token, item = await a_claimed_item(ingest_db)
    await at(ingest_db).upsert_lead_sources([item])
    lead = a_new_lead(source_id, external_id="900100", message=a_message())
    late = later(LEASE_SECONDS)
    (lost,) = await create(ingest_db, of_item(token, item, lead), now=late)
    assert lost.outcome == "lease_lost"
    (forged,) = await create(ingest_db, of_item(new_id(), item, lead))
    assert forged.outcome == "lease_lost"
    assert set((await rows_of_leads(admin)).values()) == {0}
    assert await admin.fetchval("select status from ingest.webhook_items") == "processing"


async def test_a_stale_attempt_beside_the_one_that_holds_the_item_leaves_no_row(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    stale, item = await a_claimed_item(ingest_db, kind="message", external_id="m_1")
    late = later(LEASE_SECONDS)
    (again,) = await claim(ingest_db, kind="message", now=late)
    tries = [
        of_item(token, item, a_new_lead(source_id, message=a_message("m_1"), first_contact=True))
        for token in (stale, again.token)
    ]
    made = await create(ingest_db, *tries, now=late)
    assert [each.outcome for each in made] == ["lease_lost", "created"]
    # One more in the outbox: the webhook itself, for the timeline.
    assert await rows_of_leads(admin) == {**ONE_OF_EACH, "outbox": 2}
    row = await admin.fetchrow("select status, reason, lead_id from ingest.webhook_items")
    assert row is not None
    assert tuple(row) == ("stored", None, tries[1].lead.lead_id)


async def test_beside_a_lost_lease_the_others_are_stored(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    token, item = await a_claimed_item(ingest_db)
    await at(ingest_db).upsert_lead_sources([item])
    lost, kept = await create(
        ingest_db,
        of_item(new_id(), item, a_new_lead(source_id, external_id="900100")),
        called(org),
    )
    assert (lost.outcome, kept.outcome) == ("lease_lost", "created")
    (held,) = await create(
        ingest_db, of_item(token, item, a_new_lead(source_id, external_id="900100"))
    )
    assert held.outcome == "created"
    assert await count(admin, "leads") == 2


async def test_beside_an_item_of_another_org_callers_are_answered_whole(
    ingest_db: Database,
) -> None:
    org, other = await an_org(ingest_db), await an_org(ingest_db)
    source_id = await a_source(ingest_db, other.org_id)
    token, item = await a_claimed_item(ingest_db)
    await at(ingest_db).upsert_lead_sources([item])
    _, first, again = await create(
        ingest_db,
        of_item(token, item, a_new_lead(source_id, external_id="900100")),
        called(org, request=a_request()),
        called(org, request=a_request()),
    )
    assert (first.outcome, again.outcome) == ("created", "replayed")
    assert first.lead_id is not None
    assert first.conversation_id is not None
    assert (again.lead_id, again.conversation_id) == (first.lead_id, first.conversation_id)


async def test_an_items_lead_settles_the_item_with_it(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    item, stored = await a_lead_item(ingest_db, source_id)
    row = await admin.fetchrow("select * from ingest.webhook_items")
    assert row is not None
    assert (row["status"], row["lead_id"], row["claim_token"]) == ("stored", stored.lead_id, None)
    assert row["settled_at"] == NOW
    lead = await admin.fetchrow("select * from ingest.leads")
    assert lead is not None
    assert (lead["item_id"], lead["trace_id"]) == (item.item_id, item.trace.trace_id)
    assert await admin.fetchval("select lead_id from ingest.lead_sources") == stored.lead_id
    log = await admin.fetchrow("select * from ingest.webhook_delivery_log")
    assert log is not None
    assert (log["status"], log["attempts"]) == ("completed", 1)
    attempt = await admin.fetchrow("select * from ingest.item_attempts")
    assert attempt is not None
    assert (attempt["number"], attempt["outcome"]) == (1, "stored")


async def test_an_item_that_does_not_own_its_lead_is_a_duplicate(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    _, stored = await a_lead_item(ingest_db, source_id)
    token, again = await a_claimed_item(ingest_db, now=later(3600))
    lead = a_new_lead(source_id, external_id="900100")
    (duplicate,) = await create(ingest_db, of_item(token, again, lead), now=later(3600))
    assert duplicate.outcome == "duplicate"
    row = await admin.fetchrow(
        "select * from ingest.webhook_items where item_id = $1", again.item_id
    )
    assert row is not None
    assert (row["status"], row["reason"]) == ("duplicate", "known")
    assert row["lead_id"] == stored.lead_id
    assert await count(admin, "leads") == 1


async def test_each_lead_says_whether_its_contact_is_new(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    first = called(org, a_new_lead(org.source_id))
    same_person = called(org, a_new_lead(org.source_id))
    another = called(org, a_new_lead(org.source_id, phone="+12125550123"))
    stored = await create(ingest_db, first, same_person, another)
    assert [each.contact_is_new for each in stored] == [True, False, True]
    later = called(org, a_new_lead(org.source_id), request=a_request())
    (known,) = await create(ingest_db, later)
    (replayed,) = await create(ingest_db, later)
    assert (known.outcome, known.contact_is_new) == ("created", False)
    assert (replayed.outcome, replayed.contact_is_new) == ("replayed", None)


async def test_no_leads_are_no_error(ingest_db: Database) -> None:
    assert await create(ingest_db) == []
