"""upsert_lead_source: whether one item makes the lead, as the batch form says."""

from services.chassis.database import Database
from services.ingest.records.webhooks import ClaimedItem
from tests.schema.ingest.builders import (
    NOW,
    a_source,
    a_webhook,
    an_item,
    an_org,
    claim,
    receive,
)


async def two_items(ingest_db: Database, *, external_id: str = "900100") -> list[ClaimedItem]:
    """Two claimed items of one lead."""
    org = await an_org(ingest_db)
    await a_source(ingest_db, org.org_id)
    items = [an_item(external_id=external_id) for _ in range(2)]
    await receive(ingest_db, a_webhook(*items))
    return await claim(ingest_db)


async def test_the_single_form_says_the_same(ingest_db: Database) -> None:
    first, second = await two_items(ingest_db)
    for item, expected in ((first, True), (second, False), (first, True)):
        answer = await ingest_db.value(
            "upsert_lead_source",
            p_org_id=item.org_id,
            p_source_id=item.source_id,
            p_external_id=item.external_id,
            p_item_id=item.item_id,
            p_traceparent=item.trace.traceparent,
            p_now=NOW,
        )
        assert answer is expected
