"""One offer."""

from services.chassis.database import Database, Record
from tests.schema.delivery.builders import (
    Offered,
    a_workspace,
    an_offer,
    offer_leads,
    offered,
)


async def test_an_offer_names_its_delivery_once_it_has_one(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    manual = an_offer(workspace)
    await offer_leads(delivery_db, [manual], policy="manual")
    (direct,) = await offered(delivery_db, workspace)
    rows = [await _get(delivery_db, offer) for offer in (manual, direct)]
    assert [(row["status"], row["delivery_id"]) for row in rows if row] == [
        ("PENDING_MAPPING", None),
        ("LEAD_READY", direct.delivery_id),
    ]
    assert await _get(delivery_db, an_offer(workspace)) is None


async def _get(db: Database, offer: Offered) -> Record | None:
    return await db.row(
        "get_offer", p_org_id=offer.org_id, p_workspace_id=None, p_offer_id=offer.offer_id
    )
