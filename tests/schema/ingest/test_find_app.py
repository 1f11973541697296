"""find_app: the app that Meta knows by an id, once it is registered."""

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.ingest.store import IngestStore
from tests.schema.ingest.builders import APP, register_app


async def test_only_a_registered_app_is_found(ingest_db: Database) -> None:
    store = IngestStore(ingest_db)
    assert await store.find_app(APP) is None
    app_id = new_id()
    await register_app(ingest_db, app_id)
    assert await store.find_app(APP) == app_id
    assert await store.find_app("another") is None
