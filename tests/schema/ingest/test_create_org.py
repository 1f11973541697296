"""create_org: a tenant with the source of its own callers, once for each request id."""

import asyncio

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from services.ingest.records.sources import CreatedOrg, OrgToCreate
from tests.schema.ingest.builders import Admin, at, count

REQUEST = RequestId(value="r1", content_hash="a")
OTHER_CONTENT = RequestId(value="r1", content_hash="b")


async def org(ingest_db: Database, request_id: RequestId) -> CreatedOrg:
    return await at(ingest_db).create_org(
        new_id(),
        OrgToCreate(name="Acme", default_region="DE"),
        source_id=new_id(),
        request_id=request_id,
        traceparent=new_root().traceparent,
    )


async def test_an_org_comes_with_a_source_for_callers(ingest_db: Database, admin: Admin) -> None:
    made = await org(ingest_db, REQUEST)
    row = await admin.fetchrow("select * from ingest.sources")
    assert row is not None
    assert (str(row["org_id"]), str(row["source_id"])) == (str(made.org_id), str(made.source_id))
    assert (row["kind"], row["external_id"]) == ("api", "api")
    assert await count(admin, "source_directory") == 0


async def test_the_same_request_makes_one_org(ingest_db: Database, admin: Admin) -> None:
    answers = await asyncio.gather(*[org(ingest_db, REQUEST) for _ in range(10)])
    assert len({answer.org_id for answer in answers}) == 1
    assert await count(admin, "orgs") == 1
    with pytest.raises(DomainError) as caught:
        await org(ingest_db, OTHER_CONTENT)
    assert caught.value.reason == "REQUEST_ID_REUSED"
