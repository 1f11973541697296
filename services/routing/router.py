"""The router: claims leads that are due, has each decided, and has the decisions reported."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.telemetry import Work, span, work
from services.chassis.trace import Start, continue_from, from_otel
from services.chassis.watermark import Watermark
from services.routing.claim_plan import plan_claim
from services.routing.decider import Decider
from services.routing.matching import INTERRUPTED_ERROR, undecided
from services.routing.policies import RouterPolicy
from services.routing.records import ClaimedLead, DecidedLead, Decision
from services.routing.reporter import Reporter
from services.routing.store.claims import ClaimStore
from services.routing.store.rules import RuleStore

BATCH_WORK: Final = "route leads"
LEAD_SPAN: Final = "route lead"


class Router:
    """Routes leads; `wake` is set when leads were enqueued, `offered` when some were offered."""

    def __init__(
        self,
        claims: ClaimStore,
        rules: RuleStore,
        decider: Decider,
        reporter: Reporter,
        offered: Wake,
        policy: RouterPolicy | None = None,
    ) -> None:
        self.wake = Wake()
        self._claims = claims
        self._rules = rules
        self._decider = decider
        self._reporter = reporter
        self._offered = offered
        self._policy = policy or RouterPolicy()
        self._watermark = Watermark(margin_seconds=5, sweep_every_seconds=2)

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Routes until the process stops."""
        await loop(self.step, self.wake, stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """Routes one claim; returns how many leads it had."""
        token = new_id()
        with work("batch", BATCH_WORK, start=Start(parent=None)) as unit:
            claims = await self._claim(token)
            unit.silent = not claims
            if claims:
                unit.note(leads=len(claims))
                await self._route_or_return(claims, token, unit)
        return len(claims)

    async def _claim(self, token: UUID) -> list[ClaimedLead]:
        now = datetime.now(UTC)
        claims = await self._claims.acquire_routing_locks(
            token=token,
            limit=self._policy.batch_leads_max,
            lease_seconds=self._policy.lease_seconds,
            due_from=self._watermark.lower_bound(now),
        )
        self._watermark.observe(min((each.was_due_at for each in claims), default=None), now)
        return claims

    async def _route_or_return(
        self, claims: Sequence[ClaimedLead], token: UUID, unit: Work
    ) -> None:
        try:
            await self._route(claims, token, unit)
        except asyncio.CancelledError:
            # Those that were reported are no longer held, and stay as they are.
            await asyncio.shield(self._reporter.return_claims(claims, token=token))
            raise

    async def _route(self, claims: Sequence[ClaimedLead], token: UUID, unit: Work) -> None:
        plan = plan_claim(claims, self._policy)
        # Before anything else: what interrupts must not count against those that wait.
        outcomes = await self._reporter.return_claims(plan.returned, token=token)
        interrupted = [traced(each, undecided(INTERRUPTED_ERROR)) for each in plan.interrupted]
        outcomes |= await self._reporter.report(interrupted, token=token)
        for batch in plan.batches:
            outcomes |= await self._route_batch(batch, token)
        for outcome in outcomes.values():
            unit.count(BATCH_WORK, outcome)
        unit.note(**Counter(outcomes.values()))
        if "routed" in outcomes.values():
            self._offered.set()

    async def _route_batch(self, claims: Sequence[ClaimedLead], token: UUID) -> dict[UUID, str]:
        rule_sets = await self._rules.get_rule_sets(sorted({each.lead.org_id for each in claims}))
        decisions = await self._decider.decide(
            [each.lead for each in claims], rule_sets, seconds_max=self._policy.decide_seconds_max
        )
        decided = [
            traced(each, decisions[each.lead.lead_id])
            for each in claims
            if each.lead.lead_id in decisions
        ]
        out_of_time = [each for each in claims if each.lead.lead_id not in decisions]
        outcomes = await self._reporter.report(decided, token=token)
        return outcomes | await self._reporter.return_claims(out_of_time, token=token)


def traced(claimed: ClaimedLead, decision: Decision) -> DecidedLead:
    """The decision in a span of its own, which continues the lead's trace or links to it."""
    start = continue_from(
        claimed.trace,
        attempt=claimed.attempt,
        waited=claimed.locked_at - claimed.enqueued_at,
        previous=claimed.previous,
    )
    with span(LEAD_SPAN, start=start) as live:
        live.set_attributes({"lead_id": str(claimed.lead.lead_id), "attempt": claimed.attempt})
        trace = from_otel(live.get_span_context())
    return DecidedLead(claimed=claimed, decision=decision, trace=trace)
