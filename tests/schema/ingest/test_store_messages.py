"""store_messages: each message is stored once, and the first of a conversation makes its lead."""

import asyncio

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.ingest.builders import (
    NUMBER,
    PHONE,
    Admin,
    a_message,
    a_new_lead,
    a_source,
    an_org,
    called,
    count,
    create,
    later,
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


async def test_a_contact_whose_conversation_was_closed_opens_another(
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
