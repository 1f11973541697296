"""create_source: a page, account, number or form belongs to one org, once for each request id."""

import asyncio
from uuid import UUID

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from services.ingest.records.sources import ListedSource, SourceToCreate
from tests.schema.ingest.builders import PAGE, Admin, a_source, an_org, at, count

REQUEST = RequestId(value="r1", content_hash="a")
OTHER_CONTENT = RequestId(value="r1", content_hash="b")


async def source(
    ingest_db: Database, org_id: UUID, *, request_id: RequestId | None = None
) -> ListedSource:
    asked = SourceToCreate(
        kind="meta_page", external_id=PAGE, name="n", default_region="DE", access_token=""
    )
    return await at(ingest_db).create_source(
        org_id,
        asked,
        source_id=new_id(),
        access_token_ciphertext=None,
        request_id=request_id or RequestId(),
        traceparent=new_root().traceparent,
    )


async def test_a_page_belongs_to_one_org(ingest_db: Database, admin: Admin) -> None:
    first, second = await an_org(ingest_db), await an_org(ingest_db)
    await source(ingest_db, first.org_id)
    for org_id in (first.org_id, second.org_id):
        with pytest.raises(DomainError) as caught:
            await source(ingest_db, org_id)
        assert caught.value.reason == "SOURCE_TAKEN"
        assert caught.value.metadata == {"kind": "meta_page", "external_id": PAGE}
    assert await count(admin, "sources", "kind = 'meta_page'") == 1


async def test_of_many_that_want_a_page_at_once_one_gets_it(
    ingest_db: Database, admin: Admin
) -> None:
    orgs = [await an_org(ingest_db) for _ in range(10)]
    answers = await asyncio.gather(
        *[source(ingest_db, each.org_id) for each in orgs], return_exceptions=True
    )
    assert sum(isinstance(answer, ListedSource) for answer in answers) == 1
    assert {type(answer) for answer in answers} == {ListedSource, DomainError}
    assert await count(admin, "sources", "kind = 'meta_page'") == 1


async def test_forms_of_two_orgs_may_have_one_name(ingest_db: Database, admin: Admin) -> None:
    for _ in range(2):
        each = await an_org(ingest_db)
        await a_source(ingest_db, each.org_id, kind="form", external_id="contact")
    assert await count(admin, "sources", "kind = 'form'") == 2
    assert await count(admin, "source_directory") == 0


async def test_a_source_is_answered_again_for_its_request(ingest_db: Database) -> None:
    each = await an_org(ingest_db)
    first = await source(ingest_db, each.org_id, request_id=REQUEST)
    assert await source(ingest_db, each.org_id, request_id=REQUEST) == first
    with pytest.raises(DomainError) as caught:
        await source(ingest_db, each.org_id, request_id=OTHER_CONTENT)
    assert caught.value.reason == "REQUEST_ID_REUSED"


async def test_an_org_that_is_not_there_has_no_source(ingest_db: Database) -> None:
    with pytest.raises(DomainError) as caught:
        await source(ingest_db, new_id())
    assert caught.value.reason == "ORG_NOT_FOUND"
