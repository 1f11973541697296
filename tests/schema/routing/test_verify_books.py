"""The consistency check holds for leads in every state, and names each row tampered with."""

from uuid import uuid4

import pytest

from services.chassis.database import Database
from tests.schema.routing.builders import (
    Admin,
    leads_in_every_state,
)

STATES = "leads: enqueued = pending + routing + routed + failed + expired"
OFFERS = "each routed lead has one offer in the outbox"
TRACES = "no lead without a trace"
HASHES = "each routed lead holds its dedupe hashes"
DECISIONS = "each decided lead has a decision"


async def broken(database: Database) -> dict[str, list[str]]:
    rows = await database.rows("verify_books")
    assert [row["equation"] for row in rows] == [STATES, OFFERS, TRACES, HASHES, DECISIONS]
    assert all(row["violation_count"] == len(row["violations"]) for row in rows)
    return {row["equation"]: row["violations"] for row in rows if row["violation_count"]}


async def test_the_check_holds_for_leads_in_every_state(routing_db: Database, admin: Admin) -> None:
    await leads_in_every_state(routing_db, uuid4())
    # So that the window of the dedupe hashes is not over now.
    await admin.execute("update routing.leads set dedupe_until = 'infinity'")
    assert await broken(routing_db) == {}


@pytest.mark.parametrize(
    ("equation", "tampering"),
    [
        (STATES, "update routing.leads set due_at = now() where lead_id = $1"),
        (STATES, "update routing.leads set workspace_id = null where lead_id = $1"),
        (STATES, "delete from routing.lead_routing_queue where lead_id <> $1"),
        (OFFERS, "delete from routing.outbox where subject_id = $1"),
        (OFFERS, "update routing.outbox set subject_id = gen_random_uuid() where subject_id = $1"),
        (
            OFFERS,
            "update routing.leads set workspace_id = gen_random_uuid() where lead_id = $1",
        ),
        (TRACES, "delete from routing.lead_facts where lead_id = $1"),
        (TRACES, "update routing.lead_facts set trace_id = repeat('a', 32) where lead_id = $1"),
        (
            TRACES,
            "update routing.lead_dedupe_hashes set trace_id = repeat('a', 32) where lead_id = $1",
        ),
        (TRACES, "update routing.leads set trace_id = repeat('a', 32) where lead_id = $1"),
        (TRACES, "update routing.outbox set trace_id = repeat('a', 32) where subject_id = $1"),
        (
            TRACES,
            "update routing.lead_routing_logs set trace_id = repeat('a', 32) where lead_id = $1",
        ),
        (HASHES, "delete from routing.lead_dedupe_hashes where lead_id = $1"),
        (DECISIONS, "delete from routing.lead_routing_logs where lead_id = $1"),
        (
            DECISIONS,
            "update routing.lead_routing_logs set outcome = 'no_match' where lead_id = $1",
        ),
    ],
)
async def test_a_row_that_was_tampered_with_is_named(
    routing_db: Database, admin: Admin, equation: str, tampering: str
) -> None:
    routed = await leads_in_every_state(routing_db, uuid4())
    await admin.execute("update routing.leads set dedupe_until = 'infinity'")
    await admin.execute("set session_replication_role = replica")
    await admin.execute(tampering, routed)
    violations = (await broken(routing_db))[equation]
    assert violations
    assert all(" " in violation and ": " in violation for violation in violations)
