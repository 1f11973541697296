"""register_app: an app has the secrets of every registration, once for each request id."""

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from tests.schema.ingest.builders import Admin, count, register_app

REQUEST = RequestId(value="r1", content_hash="a")


async def test_an_app_that_is_registered_again_has_more_secrets(
    ingest_db: Database, admin: Admin
) -> None:
    app_id = new_id()
    await register_app(ingest_db, app_id, REQUEST)
    await register_app(ingest_db, app_id, REQUEST)
    assert await count(admin, "app_secrets") == 2
    await register_app(ingest_db, app_id)
    assert await count(admin, "apps") == 1
    assert await count(admin, "app_secrets") == 4


async def test_an_app_registered_under_another_id_just_now_is_refused_for_the_moment(
    ingest_db: Database,
) -> None:
    await register_app(ingest_db, new_id())
    with pytest.raises(DomainError) as caught:
        await register_app(ingest_db, new_id())
    assert caught.value.reason == "UNAVAILABLE"
