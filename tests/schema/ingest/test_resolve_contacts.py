"""resolve_contacts: a person is one contact, known by any identity, in any order and at once."""

import asyncio

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.ingest.records.leads import ContactIdentity
from tests.schema.ingest.builders import (
    PHONE,
    Admin,
    a_new_lead,
    an_org,
    called,
    count,
    create,
    later,
)

DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"


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


async def test_the_loser_of_a_race_for_an_identity_joins_the_winner_with_all_its_identities(
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
