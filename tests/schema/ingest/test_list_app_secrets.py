"""list_app_secrets: every secret and verify token that is valid, of all apps."""

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.ingest.records.sources import SealedAppSecret
from services.ingest.store import IngestStore
from tests.schema.ingest.builders import APP, at, register_app


async def test_valid_secrets_of_all_apps_are_listed_and_retired_ones_are_not(
    ingest_db: Database,
) -> None:
    app_id, other = new_id(), new_id()
    await register_app(ingest_db, app_id)
    await register_app(ingest_db, app_id)
    await register_app(ingest_db, other, external_app_id="other")
    assert len(await IngestStore(ingest_db).list_app_secrets()) == 6
    await at(ingest_db).retire_app_secrets(APP, traceparent=new_root().traceparent)
    listed = await IngestStore(ingest_db).list_app_secrets()
    expected = [
        SealedAppSecret(app_id=each, kind=kind, ciphertext=ciphertext)
        for each in (app_id, other)
        for kind, ciphertext in (("signing", b"s"), ("verify_token", b"v"))
    ]
    assert sorted(listed, key=str) == sorted(expected, key=str)
