"""retire_app_secrets: only the newest secret and verify token of an app stay valid."""

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.ingest.builders import APP, Admin, at, register_app


async def test_all_secrets_but_the_newest_are_retired_once(
    ingest_db: Database, admin: Admin
) -> None:
    app_id, other = new_id(), new_id()
    for _ in range(3):
        await register_app(ingest_db, app_id)
    await register_app(ingest_db, other, external_app_id="other")
    newest = await admin.fetch(
        "select distinct on (kind) secret_id from ingest.app_secrets where app_id = $1"
        " order by kind, secret_id desc",
        app_id,
    )
    assert await at(ingest_db).retire_app_secrets(APP, traceparent=new_root().traceparent) == 4
    assert await at(ingest_db).retire_app_secrets(APP, traceparent=new_root().traceparent) == 0
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
        await at(ingest_db).retire_app_secrets(APP, traceparent=new_root().traceparent)
    assert caught.value.reason == "APP_NOT_FOUND"
