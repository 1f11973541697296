"""What was decided is reported although the database is away for a moment."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.errors import unavailable
from services.chassis.loops import Wake
from services.chassis.trace import new_root
from services.routing.decider import Decider
from services.routing.records import Completion, Failure, NewLead
from services.routing.reporter import Reporter
from services.routing.router import Router
from services.routing.store.claims import ClaimStore
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from tests.schema.routing.builders import DEDUPE_SECONDS, Admin, a_rule, a_workspace
from tests.unit.routing.builders import RING, InProcessEvaluator, a_lead


class Flaky(ClaimStore):
    """Cannot be reached for each first report, and loses the answer to each second."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "tester")
        self.completions = 0
        self.failures = 0

    async def complete_routings(
        self, completions: Sequence[Completion], **terms: Any
    ) -> dict[UUID, str]:
        self.completions += 1
        if self.completions == 1:
            raise unavailable("away")
        outcomes = await super().complete_routings(completions, **terms)
        if self.completions == 2:
            raise unavailable("away after the commit")
        return outcomes

    async def fail_routings(self, failures: Sequence[Failure], *, token: UUID) -> dict[UUID, str]:
        self.failures += 1
        if self.failures == 1:
            raise unavailable("away")
        outcomes = await super().fail_routings(failures, token=token)
        if self.failures == 2:
            raise unavailable("away after the commit")
        return outcomes


async def test_decisions_are_reported_through_an_outage_and_stand_once(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    routed, unmatched = a_lead(org_id=org_id, email=""), a_lead()
    await LeadStore(routing_db).enqueue_leads(
        [NewLead(lead=lead, trace=new_root()) for lead in (routed, unmatched)]
    )
    store = Flaky(routing_db)
    reporter = Reporter(store, RING, dedupe_seconds=DEDUPE_SECONDS)
    router = Router(store, RuleStore(routing_db), Decider(InProcessEvaluator()), reporter, Wake())
    assert await router.step() == 2
    assert (store.completions, store.failures) == (3, 3)
    logged = await admin.fetch("select lead_id, attempt, outcome from routing.lead_routing_logs")
    assert {tuple(row) for row in logged} == {
        (routed.lead_id, 1, "routed"),
        (unmatched.lead_id, 1, "no_match"),
    }
    repeats = await admin.fetch("select call, subject, repeat_count from routing.repeats")
    assert {tuple(row) for row in repeats} == {
        ("complete_routings", str(routed.lead_id), 1),
        ("fail_routings", str(unmatched.lead_id), 1),
    }
