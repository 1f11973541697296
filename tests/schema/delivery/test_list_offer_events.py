"""Every step of an offer."""

from services.chassis.database import Database
from tests.schema.delivery.builders import (
    NOW,
    a_workspace,
    advance,
    an_offer,
    later,
    offer_leads,
)


async def test_every_step_is_listed_with_its_actor(delivery_db: Database) -> None:
    workspace = await a_workspace(delivery_db)
    offer = an_offer(workspace)
    await offer_leads(delivery_db, [offer], policy="manual")
    await advance(delivery_db, offer, "TO_BE_CONTACTED", now=later(1))
    rows = await delivery_db.rows(
        "list_offer_events",
        p_org_id=offer.org_id,
        p_workspace_id=None,
        p_offer_id=offer.offer_id,
    )
    assert [tuple(row.values()) for row in rows] == [
        (None, "PENDING_MAPPING", "routing", NOW),
        ("PENDING_MAPPING", "TO_BE_CONTACTED", "tenant", later(1)),
    ]
