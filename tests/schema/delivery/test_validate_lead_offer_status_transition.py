"""The offer's state machine, as the issue that asked for it has it."""

from typing import Any

import asyncpg
import pytest

from services.chassis.database import Database
from services.delivery.records import OFFER_STATUSES
from tests.schema.delivery.builders import a_workspace, an_offer, offer_leads

STEPS: dict[str, set[str]] = {
    "PENDING_MAPPING": {"TO_BE_CONTACTED", "DISQUALIFIED", "STOPPED"},
    "TO_BE_CONTACTED": {"CONTACTED", "COOLING", "STOPPED", "DISQUALIFIED"},
    "CONTACTED": {"ENGAGED", "COOLING", "STOPPED", "DISQUALIFIED"},
    "ENGAGED": {"QUALIFYING", "COOLING", "STOPPED", "DISQUALIFIED", "HUMAN_HANDOFF"},
    "QUALIFYING": {
        *("SCORED", "LEAD_READY", "COOLING"),
        *("STOPPED", "DISQUALIFIED", "HUMAN_HANDOFF"),
    },
    "SCORED": {"LEAD_READY", "QUALIFYING", "COOLING", "STOPPED", "DISQUALIFIED"},
    "LEAD_READY": {"SENT_TO_DEVELOPER", "STOPPED", "DISQUALIFIED"},
    "SENT_TO_DEVELOPER": {"STOPPED"},
    "COOLING": {"REACTIVATION", "STOPPED", "DISQUALIFIED"},
    "REACTIVATION": {"CONTACTED", "ENGAGED", "STOPPED", "DISQUALIFIED"},
    "DISQUALIFIED": {"REACTIVATION"},
    "STOPPED": set(),
    "HUMAN_HANDOFF": {"QUALIFYING", "LEAD_READY", "STOPPED", "DISQUALIFIED"},
}


def test_the_table_has_the_13_states() -> None:
    assert len(STEPS) == 13
    assert set(STEPS) == OFFER_STATUSES


@pytest.mark.parametrize("from_status", sorted(STEPS))
async def test_exactly_the_steps_of_the_table_are_taken(
    from_status: str, delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db)
    offer = an_offer(workspace)
    await offer_leads(delivery_db, [offer], policy="manual")
    taken = set()
    for to_status in STEPS:
        transaction = admin.transaction()
        await transaction.start()
        await _force(admin, offer.offer_id, from_status)
        sqlstate = await _sqlstate(
            admin,
            "update delivery.lead_offers set status = $2 where offer_id = $1",
            offer.offer_id,
            to_status,
        )
        assert sqlstate in (None, "WB061")
        if sqlstate is None:
            taken.add(to_status)
        await transaction.rollback()
    assert taken == STEPS[from_status]


async def test_an_offer_starts_as_pending_mapping_and_as_nothing_else(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db)
    started = set()
    for status in STEPS:
        offer = an_offer(workspace)
        sqlstate = await _sqlstate(
            admin,
            "insert into delivery.lead_offers (org_id, offer_id, lead_id, workspace_id, status,"
            " payload, created_at, updated_at, trace_id, traceparent)"
            " values ($1, $2, $3, $4, $5, '{}', now(), now(), $6, $7)",
            offer.org_id,
            offer.offer_id,
            offer.lead_id,
            offer.workspace_id,
            status,
            offer.traceparent[3:35],
            offer.traceparent,
        )
        assert sqlstate in (None, "WB061")
        if sqlstate is None:
            started.add(status)
    assert started == {"PENDING_MAPPING"}


async def test_an_update_that_leaves_the_status_alone_is_no_step(
    delivery_db: Database, admin: Any
) -> None:
    workspace = await a_workspace(delivery_db)
    offer = an_offer(workspace)
    await offer_leads(delivery_db, [offer], policy="manual")
    await _force(admin, offer.offer_id, "STOPPED")
    done = await admin.execute("update delivery.lead_offers set updated_at = now()")
    assert done == "UPDATE 1"


async def _force(admin: Any, offer_id: Any, status: str) -> None:
    """Puts an offer into a state without the trigger, as a superuser can."""
    await admin.execute("set local session_replication_role = replica")
    await admin.execute(
        "update delivery.lead_offers set status = $2 where offer_id = $1", offer_id, status
    )
    await admin.execute("set local session_replication_role = origin")


async def _sqlstate(admin: Any, sql: str, *arguments: Any) -> str | None:
    """What the statement is refused with, or None."""
    try:
        await admin.execute(sql, *arguments)
    except asyncpg.PostgresError as error:
        return error.sqlstate
    return None
