"""create_org, create_source, register_app: who we work for, once for each request id."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from tests.schema.ingest.builders import PAGE, Admin, a_source, an_org, at, count

REQUEST = RequestId(value="r1", content_hash="a")
OTHER_CONTENT = RequestId(value="r1", content_hash="b")


async def source(ingest_db: Database, org_id: UUID, **changes: Any) -> dict[str, Any]:
    arguments = {
        "kind": "meta_page", "external_id": PAGE, "name": "n", "default_region": "DE",
        "access_token_ciphertext": None, "request": RequestId(), "trace": new_root(),
    }  # fmt: skip
    return await at(ingest_db).create_source(
        org_id=org_id, source_id=new_id(), **{**arguments, **changes}
    )


async def org(ingest_db: Database, request: RequestId) -> dict[str, Any]:
    return await at(ingest_db).create_org(
        org_id=new_id(), source_id=new_id(), name="Acme", default_region="DE",
        request=request, trace=new_root(),
    )  # fmt: skip


async def test_an_org_comes_with_a_source_for_callers(ingest_db: Database, admin: Admin) -> None:
    made = await org(ingest_db, REQUEST)
    row = await admin.fetchrow("select * from ingest.sources")
    assert row is not None
    assert (str(row["org_id"]), str(row["source_id"])) == (made["org_id"], made["source_id"])
    assert (row["kind"], row["external_id"]) == ("api", "api")
    assert await count(admin, "source_directory") == 0


async def test_the_same_request_makes_one_org(ingest_db: Database, admin: Admin) -> None:
    answers = await asyncio.gather(*[org(ingest_db, REQUEST) for _ in range(10)])
    assert len({answer["org_id"] for answer in answers}) == 1
    assert await count(admin, "orgs") == 1
    with pytest.raises(DomainError) as caught:
        await org(ingest_db, OTHER_CONTENT)
    assert caught.value.reason == "REQUEST_ID_REUSED"


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
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert {type(answer) for answer in answers} == {dict, DomainError}
    assert await count(admin, "sources", "kind = 'meta_page'") == 1


async def test_forms_of_two_orgs_may_have_one_name(ingest_db: Database, admin: Admin) -> None:
    for _ in range(2):
        each = await an_org(ingest_db)
        await a_source(ingest_db, each.org_id, kind="form", external_id="contact")
    assert await count(admin, "sources", "kind = 'form'") == 2
    assert await count(admin, "source_directory") == 0


async def test_a_source_is_answered_again_for_its_request(ingest_db: Database) -> None:
    each = await an_org(ingest_db)
    first = await source(ingest_db, each.org_id, request=REQUEST)
    assert await source(ingest_db, each.org_id, request=REQUEST) == first
    with pytest.raises(DomainError) as caught:
        await source(ingest_db, each.org_id, request=OTHER_CONTENT)
    assert caught.value.reason == "REQUEST_ID_REUSED"


async def test_an_org_that_is_not_there_has_no_source(ingest_db: Database) -> None:
    with pytest.raises(DomainError) as caught:
        await source(ingest_db, new_id())
    assert caught.value.reason == "ORG_NOT_FOUND"


async def register(ingest_db: Database, app_id: UUID, request: RequestId) -> dict[str, Any]:
    return await at(ingest_db).register_app(
        app_id=app_id, external_app_id="500100200", secret_id=new_id(), secret_ciphertext=b"s",
        verify_token_id=new_id(), verify_token_ciphertext=b"v", request=request, trace=new_root(),
    )  # fmt: skip


async def test_an_app_that_is_registered_again_has_more_secrets(
    ingest_db: Database, admin: Admin
) -> None:
    app_id = new_id()
    await register(ingest_db, app_id, REQUEST)
    await register(ingest_db, app_id, REQUEST)
    assert await count(admin, "app_secrets") == 2
    await register(ingest_db, app_id, RequestId())
    assert await count(admin, "apps") == 1
    assert await count(admin, "app_secrets") == 4


async def test_all_secrets_but_the_newest_are_retired_once(
    ingest_db: Database, admin: Admin
) -> None:
    app_id, other = new_id(), new_id()
    for _ in range(3):
        await register(ingest_db, app_id, RequestId())
    await at(ingest_db).register_app(
        app_id=other, external_app_id="other", secret_id=new_id(), secret_ciphertext=b"s",
        verify_token_id=new_id(), verify_token_ciphertext=b"v", request=RequestId(),
        trace=new_root(),
    )  # fmt: skip
    newest = await admin.fetch(
        "select distinct on (kind) secret_id from ingest.app_secrets where app_id = $1"
        " order by kind, secret_id desc",
        app_id,
    )
    assert await at(ingest_db).retire_app_secrets("500100200", new_root()) == 4
    assert await at(ingest_db).retire_app_secrets("500100200", new_root()) == 0
    valid = await admin.fetch(
        "select secret_id from ingest.app_secrets where app_id = $1 and retired_at is null", app_id
    )
    assert set(valid) == set(newest)
    listed = await ingest_db.rows("list_app_secrets")
    assert sorted((row["app_id"], row["kind"]) for row in listed) == sorted(
        (each, kind) for each in (app_id, other) for kind in ("signing", "verify_token")
    )


async def test_an_app_that_is_not_registered_has_no_secrets_to_retire(ingest_db: Database) -> None:
    with pytest.raises(DomainError) as caught:
        await at(ingest_db).retire_app_secrets("500100200", new_root())
    assert caught.value.reason == "APP_NOT_FOUND"


async def test_an_app_registered_under_another_id_just_now_is_refused_for_the_moment(
    ingest_db: Database,
) -> None:
    await register(ingest_db, new_id(), RequestId())
    with pytest.raises(DomainError) as caught:
        await register(ingest_db, new_id(), RequestId())
    assert caught.value.reason == "UNAVAILABLE"
