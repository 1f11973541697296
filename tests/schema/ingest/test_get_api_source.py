"""get_api_source: the source behind POST /api/leads, of the org only."""

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.ingest.records.sources import ApiSource
from services.ingest.store import IngestStore
from tests.schema.ingest.builders import a_source, an_org


async def test_an_orgs_own_api_source_is_found_with_its_region(ingest_db: Database) -> None:
    org, other = await an_org(ingest_db, region="AT"), await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    store = IngestStore(ingest_db)
    found = await store.get_api_source(org.org_id)
    assert found == ApiSource(source_id=org.source_id, default_region="AT")
    of_other = await store.get_api_source(other.org_id)
    assert of_other == ApiSource(source_id=other.source_id, default_region="DE")


async def test_an_org_that_does_not_exist_has_no_api_source(ingest_db: Database) -> None:
    assert await IngestStore(ingest_db).get_api_source(new_id()) is None
