"""list_webhook_orphans: newest first, in pages, by source."""

from typing import Any

from services.chassis.database import Database, Record
from tests.schema.ingest.builders import (
    PAGE,
    a_webhook,
    an_item,
    receive,
)


async def listed(ingest_db: Database, **more: Any) -> list[Record]:
    arguments = {"p_source_kind": None, "p_source_external_id": None, "p_limit": 10, **more}
    return await ingest_db.rows("list_webhook_orphans", **arguments)


async def test_orphans_are_listed_newest_first_in_pages_and_by_source(
    ingest_db: Database,
) -> None:
    webhook = a_webhook(*[an_item(external_id=str(n)) for n in range(3)], an_item(page="other"))
    await receive(ingest_db, webhook)
    ids = [item.item_id for item in reversed(webhook.items)]
    assert [row["item_id"] for row in await listed(ingest_db)] == ids
    first = await listed(ingest_db, p_limit=2)
    rest = await listed(ingest_db, p_before=first[-1]["item_id"])
    assert [row["item_id"] for row in [*first, *rest]] == ids
    of_page = await listed(ingest_db, p_source_kind="meta_page", p_source_external_id=PAGE)
    assert [row["item_id"] for row in of_page] == ids[1:]
    assert {row["reason"] for row in of_page} == {"unknown_source"}
    assert await listed(ingest_db, p_source_kind="instagram_account") == []
