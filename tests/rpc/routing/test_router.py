"""The router over a real database: leads go where rules say, or back when interrupted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake
from services.chassis.trace import new_root
from services.routing.decider import Decider
from services.routing.policies import RouterPolicy
from services.routing.records import Decision, Lead, NewLead, Rule
from services.routing.reporter import Reporter
from services.routing.router import Router
from services.routing.store.claims import ClaimStore
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from tests.schema.routing.builders import DEDUPE_SECONDS, Admin, a_rule, a_workspace, status_of
from tests.unit.routing.builders import RING, InProcessEvaluator, a_lead


def a_router(
    database: Database,
    *,
    rules: RuleStore | None = None,
    decider: Decider | None = None,
    offered: Wake | None = None,
    policy: RouterPolicy | None = None,
) -> Router:
    claims = ClaimStore(database, "tester")
    return Router(
        claims,
        rules or RuleStore(database),
        decider or Decider(InProcessEvaluator()),
        Reporter(claims, RING, dedupe_seconds=DEDUPE_SECONDS),
        offered or Wake(),
        policy,
    )


async def enqueue(database: Database, *leads: Lead) -> None:
    await LeadStore(database).enqueue_leads(
        [NewLead(lead=lead, trace=new_root()) for lead in leads]
    )


async def test_leads_go_to_the_workspace_of_the_first_rule_that_matches(
    routing_db: Database, admin: Admin
) -> None:
    org_id, offered = uuid4(), Wake()
    germans, others = await a_workspace(routing_db, org_id), await a_workspace(routing_db, org_id)
    german_rule = await a_rule(
        routing_db, org_id, germans, p_priority=1, p_condition='lead.phone_country == "DE"'
    )
    await a_rule(routing_db, org_id, others, p_priority=2)
    german = a_lead(org_id=org_id, email="")
    french = a_lead(org_id=org_id, phone="+33612345678", email="")
    unmatched = a_lead(phone="+33612345678")
    await enqueue(routing_db, german, french, unmatched)
    assert await a_router(routing_db, offered=offered).step() == 3
    rows = await admin.fetch("select lead_id, routing_status, workspace_id from routing.leads")
    assert {row["lead_id"]: (row["routing_status"], row["workspace_id"]) for row in rows} == {
        german.lead_id: ("routed", germans),
        french.lead_id: ("routed", others),
        unmatched.lead_id: ("failed", None),
    }
    (first, second) = (await LeadStore(routing_db).list_decisions(org_id, french.lead_id))[
        0
    ].candidates
    assert first == {
        "rule_id": german_rule["rule_id"],
        "rule_version": 1,
        "result": "failed",
        "failing_predicate": 'lead.phone_country == "DE"',
    }
    assert second["result"] == "matched"
    # It was set: the wait is over at once.
    await offered.wait(60)


async def test_a_batch_of_leads_with_rules_of_equal_number_keeps_each_ones_record(
    routing_db: Database,
) -> None:
    leads = []
    for _ in range(3):
        org_id = uuid4()
        workspace_id = await a_workspace(routing_db, org_id)
        await a_rule(routing_db, org_id, workspace_id, p_condition="false")
        await a_rule(routing_db, org_id, workspace_id)
        leads.append(a_lead(org_id=org_id))
    await enqueue(routing_db, *leads)
    await a_router(routing_db).step()
    for lead in leads:
        (decision,) = await LeadStore(routing_db).list_decisions(lead.org_id, lead.lead_id)
        results = [candidate["result"] for candidate in decision.candidates]
        assert (decision.outcome, results) == ("routed", ["failed", "matched"])


async def test_two_routers_at_once_route_each_lead_once(routing_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    leads = [a_lead(org_id=org_id, phone="", email="") for _ in range(400)]
    await enqueue(routing_db, *leads)
    routers = [a_router(routing_db, policy=RouterPolicy(batch_leads_max=20)) for _ in range(4)]

    async def drain(router: Router) -> int:
        handled = 0
        while batch := await router.step():
            handled += batch
        return handled

    assert sum(await asyncio.gather(*map(drain, routers))) >= 400
    await drain(a_router(routing_db))
    assert await admin.fetchval("select count(*) from routing.outbox") == 400
    assert await admin.fetchval("select count(*) from routing.lead_routing_logs") == 400


class HangingRules(RuleStore):
    """Says when it was asked, and never answers."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked = asyncio.Event()

    async def get_rule_sets(self, org_ids: Sequence[UUID]) -> dict[UUID, list[Rule]]:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_an_interrupted_batch_goes_back_with_the_attempts_unspent(
    routing_db: Database, admin: Admin
) -> None:
    lead = a_lead()
    await enqueue(routing_db, lead)
    rules = HangingRules(routing_db)
    step = asyncio.create_task(a_router(routing_db, rules=rules).step())
    await rules.asked.wait()
    assert await status_of(admin, lead.lead_id) == "routing"
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert await status_of(admin, lead.lead_id) == "pending"
    assert await admin.fetchval("select routing_attempts from routing.leads") == 0


async def test_what_a_batch_had_no_time_for_goes_back_and_comes_again(
    routing_db: Database, admin: Admin
) -> None:
    leads = [a_lead() for _ in range(3)]
    await enqueue(routing_db, *leads)
    router = a_router(routing_db, policy=RouterPolicy(decide_seconds_max=-1))
    assert await router.step() == 3
    statuses = "select array_agg(routing_status order by routing_status) from routing.leads"
    assert await admin.fetchval(statuses) == ["failed", "pending", "pending"]


async def interrupted(admin: Admin, lead: Lead, times: int) -> None:
    """As if so many holders of the lead had ended in the middle, the last one just now."""
    await admin.execute(
        """update routing.leads
        set routing_status = 'routing', routing_attempts = 1, routing_lock_token = $2,
          routing_lock_expires_at = now(), due_at = now(), routing_interruption_count = $3 - 1
        where lead_id = $1""",
        lead.lead_id,
        new_id(),
        times,
    )


async def test_a_lead_that_was_interrupted_too_often_fails_and_the_others_go_on(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    poison, other = (a_lead(org_id=org_id, phone="", email="") for _ in range(2))
    await enqueue(routing_db, poison, other)
    await interrupted(admin, poison, RouterPolicy().interruptions_max)
    await a_router(routing_db).step()
    assert await status_of(admin, other.lead_id) == "routed"
    (decision,) = await LeadStore(routing_db).list_decisions(org_id, poison.lead_id)
    assert (decision.attempt, decision.outcome, decision.candidates) == (1, "error", [])
    routing = await LeadStore(routing_db).get_routing(org_id, poison.lead_id)
    assert routing is not None
    assert (routing.routing_status, routing.routing_error) == ("failed", "INTERRUPTED")
    assert routing.next_retry_at is not None


class OneByOneDecider(Decider):
    """Remembers which leads it was asked about together."""

    def __init__(self) -> None:
        super().__init__(InProcessEvaluator())
        self.batches: list[set[UUID]] = []

    async def decide(
        self,
        leads: Sequence[Lead],
        rule_sets: Mapping[UUID, Sequence[Rule]],
        *,
        seconds_max: float,
    ) -> dict[UUID, Decision]:
        self.batches.append({lead.lead_id for lead in leads})
        return await super().decide(leads, rule_sets, seconds_max=seconds_max)


async def test_leads_that_may_be_what_interrupts_are_routed_one_by_one(
    routing_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    leads = [a_lead(org_id=org_id, phone="", email="") for _ in range(5)]
    await enqueue(routing_db, *leads)
    suspects, others = leads[:3], leads[3:]
    for lead in suspects:
        await interrupted(admin, lead, RouterPolicy().interruptions_isolated_min)
    decider = OneByOneDecider()
    router = a_router(routing_db, decider=decider)
    while await router.step():
        pass
    assert decider.batches[0] == {lead.lead_id for lead in others}
    assert sorted(map(len, decider.batches)) == [1, 1, 1, 2]
    counts = await admin.fetch("select routing_status, routing_attempts from routing.leads")
    assert {tuple(row) for row in counts} == {("routed", 1)}


async def test_a_woken_router_routes_without_waiting_for_its_poll(
    routing_db: Database, admin: Admin
) -> None:
    org_id, stopping, offered = uuid4(), Stopping(), Wake()
    await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    router = a_router(routing_db, offered=offered)
    running = asyncio.create_task(router.run(stopping, poll_seconds=3600))
    lead = a_lead(org_id=org_id)
    await enqueue(routing_db, lead)
    router.wake.set()
    await offered.wait(60)
    stopping.set()
    await running
    assert await status_of(admin, lead.lead_id) == "routed"


POISON = """
create function routing.break_it() returns trigger language plpgsql as $$
begin
  if new.lead_id = '{lead_id}' {when} then
    raise exception 'poison';
  end if;
  return new;
end;
$$;
create trigger break_it before insert on routing.lead_routing_logs
for each row execute function routing.break_it();
"""


@pytest.mark.parametrize(
    ("when", "status", "outcome"),
    [("and new.outcome = 'routed'", "failed", "error"), ("", "routing", None)],
    ids=["it cannot be completed", "nothing can be written about it"],
)
async def test_a_lead_that_breaks_its_batch_fails_by_itself(
    routing_db: Database, admin: Admin, when: str, status: str, outcome: str | None
) -> None:
    org_id = uuid4()
    await a_rule(routing_db, org_id, await a_workspace(routing_db, org_id))
    leads = [a_lead(org_id=org_id, phone=f"+4915123450{number:03d}") for number in range(7)]
    leads = [replace(lead, email="") for lead in leads]
    poison = leads[4]
    await admin.execute(POISON.format(lead_id=poison.lead_id, when=when))
    await enqueue(routing_db, *leads)
    assert await a_router(routing_db).step() == 7
    found = await admin.fetch("select lead_id, routing_status from routing.leads")
    statuses = {row["lead_id"]: row["routing_status"] for row in found}
    assert statuses.pop(poison.lead_id) == status
    assert set(statuses.values()) == {"routed"}
    logged = "select outcome from routing.lead_routing_logs where lead_id = $1"
    assert await admin.fetchval(logged, poison.lead_id) == outcome
