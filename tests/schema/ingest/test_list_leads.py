"""list_leads: newest first, in pages that leave nothing out, or one of them; of the org only."""

from dataclasses import replace
from uuid import UUID

from services.chassis.database import Database
from services.chassis.trace import new_root
from services.ingest.records.leads import FormAnswer
from services.ingest.store import IngestStore
from tests.schema.ingest.builders import NOW, PHONE, a_new_lead, an_org, called, create


async def test_leads_are_listed_newest_first_in_pages(ingest_db: Database) -> None:
    org, other = await an_org(ingest_db), await an_org(ingest_db)
    leads = [a_new_lead(org.source_id) for _ in range(5)]
    await create(ingest_db, *[called(org, lead) for lead in leads], called(other))
    seen: list[UUID] = []
    before: UUID | None = None
    while page := await IngestStore(ingest_db).list_leads(org.org_id, limit=2, before=before):
        seen += [lead.lead_id for lead in page]
        before = page[-1].lead_id
    assert seen == sorted((lead.lead_id for lead in leads), reverse=True)


async def test_one_lead_is_read_as_it_was_stored_and_by_its_org_only(ingest_db: Database) -> None:
    org, other, trace = await an_org(ingest_db), await an_org(ingest_db), new_root()
    lead = replace(
        a_new_lead(org.source_id),
        answers=(FormAnswer(name="models", values=("a", "b")),),
        consents={"newsletter": True},
    )
    await create(ingest_db, called(org, lead, trace=trace))
    store = IngestStore(ingest_db)
    read = await store.get_lead(org.org_id, lead.lead_id)
    assert read is not None
    assert (read.lead_id, read.contact_id, read.phone) == (lead.lead_id, lead.contact_id, PHONE)
    assert (read.answers, read.consents) == (lead.answers, lead.consents)
    assert (read.created_at, read.trace_id) == (NOW, trace.trace_id)
    assert await store.get_lead(other.org_id, lead.lead_id) is None
