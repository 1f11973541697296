"""list_sources: oldest first, in pages that leave nothing out; of the org only."""

from uuid import UUID

from services.chassis.database import Database
from services.ingest.store import IngestStore
from tests.schema.ingest.builders import NOW, PAGE, a_source, an_org


async def test_sources_are_listed_oldest_first_in_pages(ingest_db: Database) -> None:
    org, other = await an_org(ingest_db), await an_org(ingest_db)
    page_id = await a_source(ingest_db, org.org_id)
    form_id = await a_source(ingest_db, org.org_id, kind="form", external_id="contact")
    await a_source(ingest_db, other.org_id, external_id="2")
    seen: list[UUID] = []
    after: UUID | None = None
    while page := await IngestStore(ingest_db).list_sources(org.org_id, limit=2, after=after):
        seen += [source.source_id for source in page]
        after = page[-1].source_id
    assert seen == [org.source_id, page_id, form_id]


async def test_a_source_is_listed_as_it_was_created(ingest_db: Database) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    _, source = await IngestStore(ingest_db).list_sources(org.org_id, limit=10, after=None)
    assert (source.kind, source.external_id, source.default_region) == ("meta_page", PAGE, "DE")
    assert source.created_at == NOW
