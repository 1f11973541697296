"""update_source: what is sent changes, what is not stays, only in one's own org."""

from uuid import UUID

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.ingest.records.sources import ListedSource, SourceChange
from tests.schema.ingest.builders import PAGE, Admin, a_source, an_org, at


async def update(
    ingest_db: Database,
    org_id: UUID,
    source_id: UUID,
    *,
    name: str | None = None,
    default_region: str | None = None,
    access_token_ciphertext: bytes | None = None,
) -> ListedSource:
    change = SourceChange(
        source_id=source_id, name=name, default_region=default_region, access_token=None
    )
    return await at(ingest_db).update_source(
        org_id,
        change,
        access_token_ciphertext=access_token_ciphertext,
        traceparent=new_root().traceparent,
    )


async def test_what_is_sent_changes_and_the_rest_stays(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    await update(ingest_db, org.org_id, source_id, access_token_ciphertext=b"sealed")
    for _ in range(2):
        changed = await update(ingest_db, org.org_id, source_id, name="Sales", default_region="AT")
        assert (changed.name, changed.default_region) == ("Sales", "AT")
        assert (changed.source_id, changed.external_id) == (source_id, PAGE)
    row = await admin.fetchrow("select * from ingest.sources where kind = 'meta_page'")
    assert row is not None
    assert (row["name"], row["default_region"]) == ("Sales", "AT")
    assert bytes(row["access_token_ciphertext"]) == b"sealed"


async def test_another_orgs_source_is_not_found_and_stays(
    ingest_db: Database, admin: Admin
) -> None:
    org, other = await an_org(ingest_db), await an_org(ingest_db)
    source_id = await a_source(ingest_db, org.org_id)
    for org_id, each in ((other.org_id, source_id), (org.org_id, new_id())):
        with pytest.raises(DomainError) as caught:
            await update(ingest_db, org_id, each, name="stolen")
        assert caught.value.reason == "SOURCE_NOT_FOUND"
        assert caught.value.metadata == {"source_id": str(each)}
    assert not await admin.fetchval(
        "select exists (select from ingest.sources where name = 'stolen')"
    )
