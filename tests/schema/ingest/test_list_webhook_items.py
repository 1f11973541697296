"""list_webhook_items: newest first, in pages that leave nothing out."""

from uuid import UUID

import pytest

from services.chassis.database import Database
from tests.schema.ingest.builders import (
    a_source,
    a_webhook,
    an_item,
    an_org,
    receive,
)


async def _page(
    ingest_db: Database, org_id: UUID, status: str | None, before: UUID | None
) -> list[UUID]:
    rows = await ingest_db.rows(
        "list_webhook_items", p_org_id=org_id, p_status=status, p_item_id=None, p_limit=3,
        p_before=before,
    )  # fmt: skip
    return [row["item_id"] for row in rows]


@pytest.mark.parametrize("status", [None, "pending", "stored"])
async def test_lists_come_newest_first_in_pages_that_leave_nothing_out(
    ingest_db: Database, status: str | None
) -> None:
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    items = [an_item(external_id=str(n)) for n in range(7)]
    await receive(ingest_db, a_webhook(*items))
    seen: list[UUID] = []
    before: UUID | None = None
    while page := await _page(ingest_db, org.org_id, status, before):
        seen += page
        before = page[-1]
    expected = [] if status == "stored" else sorted((i.item_id for i in items), reverse=True)
    assert seen == expected
