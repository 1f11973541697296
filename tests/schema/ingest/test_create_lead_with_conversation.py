"""create_lead_with_conversation and its batch form: all of a lead or none of it, once."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from services.ingest.records.leads import ContactIdentity, FormAnswer
from services.ingest.store.leads import to_json
from tests.schema.ingest.builders import (
    LEASE_SECONDS,
    NOW,
    NUMBER,
    PHONE,
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


@pytest.mark.parametrize(
    "identity",
    [
        ContactIdentity(kind="phone", value=PHONE),
        ContactIdentity(kind="email", value="ada@example.com"),
        ContactIdentity(kind="wa_id", value="491712345678"),
        ContactIdentity(kind="bsuid", value="DE.1"),
        ContactIdentity(kind="psid", value="1:2"),
    ],
    ids=lambda identity: identity.kind,
)
async def test_a_person_is_known_by_any_identity(
    ingest_db: Database, admin: Admin, identity: ContactIdentity
) -> None:
    org = await an_org(ingest_db)
    first = a_new_lead(org.source_id, phone="", also=[identity])
    other = ContactIdentity(kind="email", value="second@example.com")
    second = a_new_lead(org.source_id, phone="", also=[other, identity])
    await create(ingest_db, called(org, first))
    await create(ingest_db, called(org, second), now=later(60))
    assert await count(admin, "contacts") == 1
    assert await count(admin, "leads", f"contact_id = '{first.contact_id}'") == 2
    assert await count(admin, "contact_identities", f"contact_id = '{first.contact_id}'") == 2
    assert await count(admin, "conversations") == 1


async def test_of_two_known_contacts_the_one_known_longest_wins(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    by_mail = a_new_lead(org.source_id, phone="", email="ada@example.com")
    by_phone = a_new_lead(org.source_id)
    await create(ingest_db, called(org, by_mail))
    await create(ingest_db, called(org, by_phone), now=later(60))
    both = a_new_lead(org.source_id, email="ada@example.com")
    await create(ingest_db, called(org, both), now=later(120))
    row = await admin.fetchrow(
        "select contact_id from ingest.leads where lead_id = $1", both.lead_id
    )
    assert row is not None
    assert row["contact_id"] == by_mail.contact_id


async def test_leads_without_any_identity_are_persons_of_their_own(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await create(ingest_db, *[called(org, a_new_lead(org.source_id, phone="")) for _ in range(2)])
    assert await count(admin, "contacts") == 2


async def test_the_same_identity_in_two_orgs_is_two_persons(
    ingest_db: Database, admin: Admin
) -> None:
    orgs = [await an_org(ingest_db), await an_org(ingest_db)]
    await create(ingest_db, *[called(org) for org in orgs])
    assert await count(admin, "contacts") == 2
    assert await count(admin, "contact_identities") == 2


async def test_leads_of_one_call_that_share_an_identity_share_the_contact(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await create(ingest_db, *[called(org) for _ in range(5)])
    assert await count(admin, "contacts") == 1
    assert await count(admin, "conversations") == 1
    assert await count(admin, "leads") == 5
    assert await count(admin, "outbox") == 5


async def test_a_thousand_leads_of_one_person_at_once_make_one_contact(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    batches = [[called(org) for _ in range(20)] for _ in range(50)]
    answers = await asyncio.gather(*[create(ingest_db, *batch) for batch in batches])
    assert {each.outcome for batch in answers for each in batch} == {"created"}
    assert await count(admin, "leads") == 1_000
    assert await count(admin, "outbox") == 1_000
    assert await count(admin, "contacts") == 1
    assert await count(admin, "contact_identities") == 1
    assert await count(admin, "conversations") == 1


async def test_persons_named_in_any_order_at_once_do_not_deadlock(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    phones = [f"+49171234567{digit}" for digit in range(10)]
    forward = [[called(org, a_new_lead(org.source_id, phone=p)) for p in phones] for _ in range(10)]
    backward = [
        [called(org, a_new_lead(org.source_id, phone=p)) for p in reversed(phones)]
        for _ in range(10)
    ]
    before = await admin.fetchval(DEADLOCKS)
    await asyncio.gather(*[create(ingest_db, *batch) for batch in (*forward, *backward)])
    assert await count(admin, "leads") == 200
    assert await count(admin, "contacts") == 10
    await admin.execute("select pg_stat_force_next_flush()")
    assert await admin.fetchval(DEADLOCKS) == before


DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"


async def test_who_loses_the_race_for_one_identity_joins_the_winner_with_all_of_its_own(
    ingest_db: Database, admin: Admin
) -> None:
    """A WhatsApp message and a call with the same phone, at the same moment."""
    org = await an_org(ingest_db)
    winner = new_id()
    racing = admin.transaction()
    await racing.start()
    await admin.execute(
        "insert into ingest.contacts (org_id, contact_id, created_at, trace_id)"
        " values ($1, $2, $3, $4)",
        org.org_id, winner, later(-1), new_root().trace_id,
    )  # fmt: skip
    await admin.execute(
        "insert into ingest.contact_identities values ($1, 'phone', $2, $3, $4, $5)",
        org.org_id, PHONE, winner, later(-1), new_root().trace_id,
    )  # fmt: skip
    whatsapp = ContactIdentity(kind="wa_id", value="491712345678")
    lead = a_new_lead(org.source_id, also=[whatsapp])
    creating = asyncio.create_task(create(ingest_db, called(org, lead)))
    while not await admin.fetchval("select count(*) from pg_locks where not granted"):
        continue
    await racing.commit()
    (stored,) = await creating
    assert stored.outcome == "created"
    assert await count(admin, "contacts") == 1
    assert await count(admin, "contact_identities", f"contact_id = '{winner}'") == 2
    assert await count(admin, "leads", f"contact_id = '{winner}'") == 1


async def test_who_comes_again_after_the_conversation_was_closed_opens_another(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await create(ingest_db, called(org))
    await admin.execute("update ingest.conversations set status = 'closed'")
    (stored,) = await create(ingest_db, called(org), now=later(60))
    assert stored.outcome == "created"
    assert await count(admin, "conversations") == 2
    assert await count(admin, "contacts") == 1


async def test_a_first_message_makes_a_lead_and_later_ones_do_not(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id, kind="whatsapp_number", external_id=NUMBER)
    outcomes = []
    for number in range(3):
        message = a_message(f"wamid.{number}")
        lead = a_new_lead(source_id, message=message, first_contact=True)
        (stored,) = await create(ingest_db, called(org, lead), now=later(number))
        outcomes.append(stored.outcome)
    assert outcomes == ["created", "stored", "stored"]
    assert await count(admin, "leads") == 1
    assert await count(admin, "messages") == 3
    assert await count(admin, "conversations") == 1


async def test_the_same_message_is_stored_once_in_one_call_and_later(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)

    def lead() -> object:
        return called(org, a_new_lead(org.source_id, message=a_message(), first_contact=True))

    first = await create(ingest_db, lead(), lead())  # type: ignore[arg-type]
    second = await create(ingest_db, lead(), now=later(7 * 86_400))  # type: ignore[arg-type]
    assert [each.outcome for each in (*first, *second)] == ["created", "duplicate", "duplicate"]
    assert await rows_of_leads(admin) == ONE_OF_EACH


async def test_the_same_message_at_once_is_stored_once(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    leads = [
        called(org, a_new_lead(org.source_id, message=a_message(), first_contact=True))
        for _ in range(30)
    ]
    # Holds those who have seen that the message is not there yet, until there are several.
    blocker = admin.transaction()
    await blocker.start()
    await admin.execute(
        "insert into ingest.contact_identities values ($1, 'phone', $2, $3, $4, $5)",
        org.org_id, PHONE, new_id(), later(-1), new_root().trace_id,
    )  # fmt: skip
    creating = asyncio.gather(*[create(ingest_db, lead) for lead in leads])
    while await admin.fetchval("select count(*) from pg_locks where not granted") < 2:
        continue
    await blocker.rollback()
    outcomes = sorted(each.outcome for (each,) in await creating)
    assert outcomes == ["created", *["duplicate"] * 29]
    assert await rows_of_leads(admin) == ONE_OF_EACH


def a_request(value: str = "r1", content: str = "a") -> RequestId:
    return RequestId(value=value, content_hash=content)


async def test_the_same_request_is_answered_as_it_was(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    (first,) = await create(ingest_db, called(org, request_id=a_request()))
    (second,) = await create(ingest_db, called(org, request_id=a_request()), now=later(60))
    assert (first.outcome, second.outcome) == ("created", "replayed")
    assert (second.lead_id, second.conversation_id) == (first.lead_id, first.conversation_id)
    assert await count(admin, "leads") == 1


async def test_a_request_id_with_other_content_is_refused_and_leaves_no_row(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await create(ingest_db, called(org, request_id=a_request()))
    other = a_new_lead(org.source_id, phone="+12125550123")
    (reused,) = await create(ingest_db, called(org, other, request_id=a_request(content="b")))
    assert reused.outcome == "request_id_reused"
    assert await count(admin, "leads") == 1
    assert await count(admin, "contacts") == 1


async def test_request_ids_are_told_apart_within_one_call(
    ingest_db: Database, admin: Admin
) -> None:
    org, other = await an_org(ingest_db), await an_org(ingest_db)
    stored = await create(
        ingest_db,
        called(org, request_id=a_request("1")),
        called(org, request_id=a_request("1")),
        called(org, request_id=a_request("1", "b")),
        called(org, request_id=a_request("2")),
        called(other, request_id=a_request("1", "b")),
        called(org),
    )
    assert [each.outcome for each in stored] == [
        "created",
        "replayed",
        "request_id_reused",
        "created",
        "created",
        "created",
    ]
    assert stored[1].lead_id == stored[0].lead_id
    assert await count(admin, "leads") == 4


async def test_the_same_request_at_once_makes_one_lead(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    leads = [called(org, request_id=a_request()) for _ in range(30)]
    answers = await asyncio.gather(*[create(ingest_db, lead) for lead in leads])
    assert sorted(each.outcome for (each,) in answers) == ["created", *["replayed"] * 29]
    assert len({each.lead_id for (each,) in answers}) == 1
    assert await count(admin, "leads") == 1


async def test_a_request_whose_write_failed_may_be_sent_again(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    bad = replace(a_new_lead(org.source_id), type="gift")
    with pytest.raises(asyncpg.CheckViolationError):
        await create(ingest_db, called(org, bad, request_id=a_request()))
    (stored,) = await create(ingest_db, called(org, request_id=a_request()))
    assert stored.outcome == "created"
    assert await count(admin, "requests") == 1


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


async def test_a_stale_try_beside_the_one_that_holds_the_item_leaves_no_row(
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
        called(org, request_id=a_request()),
        called(org, request_id=a_request()),
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


async def test_no_leads_are_no_error(ingest_db: Database) -> None:
    assert await create(ingest_db) == []


async def single(ingest_db: Database, org_id: UUID, source_id: UUID, request: RequestId) -> UUID:
    lead = a_new_lead(source_id)
    row = await ingest_db.row(
        "create_lead_with_conversation",
        p_org_id=org_id,
        p_lead_id=lead.lead_id,
        p_lead=to_json(lead),
        p_request_id=request.value,
        p_request_hash=request.content_hash,
        p_traceparent=new_root().traceparent,
        p_now=NOW,
    )
    assert row is not None
    lead_id: UUID = row["lead_id"]
    return lead_id


async def test_the_single_form_answers_and_refuses_alike(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    first = await single(ingest_db, org.org_id, org.source_id, a_request())
    assert await single(ingest_db, org.org_id, org.source_id, a_request()) == first
    with pytest.raises(DomainError) as caught:
        await single(ingest_db, org.org_id, org.source_id, a_request(content="b"))
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert caught.value.metadata == {"request_id": "r1"}
    assert await count(admin, "leads") == 1
