"""The router: claims leads that are due, decides each, settles them in batches."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.sealing import KeyRing
from services.chassis.telemetry import Work, span, work
from services.chassis.trace import Start, TraceContext, continue_from, from_otel
from services.chassis.watermark import Watermark
from services.routing.dedupe import dedupe_hashes
from services.routing.facts import facts_of
from services.routing.leads import HeldLead
from services.routing.matching import Decision, Rule, decide
from services.routing.offers import offer_payload
from services.routing.store.attempts import AttemptStore, Completion, Failure
from services.routing.store.rules import RuleStore

ROUTE: Final = "route leads"
ATTEMPT: Final = "route lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPolicy:
    """Bounds: leads per batch, seconds of lease, of a batch's rules, of the dedupe window."""

    batch_leads_max: int = 200
    lease_seconds: float = 30
    decide_seconds_max: float = 5
    dedupe_seconds: float = 90 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A decision that was made, in its own span."""

    held: HeldLead
    decision: Decision
    trace: TraceContext


class Router:
    """Routes leads; `wake` is set by whoever took some over, `offered` when some were offered."""

    def __init__(
        self,
        attempts: AttemptStore,
        rules: RuleStore,
        secret_ring: KeyRing,
        offered: Wake,
        policy: RouterPolicy | None = None,
    ) -> None:
        self.wake = Wake()
        self._attempts = attempts
        self._rules = rules
        self._secret_ring = secret_ring
        self._offered = offered
        self._policy = policy or RouterPolicy()
        self._watermark = Watermark(margin_seconds=5, sweep_every_seconds=2)

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Routes until the process stops."""
        await loop(self.step, self.wake, stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """One batch; answers how many leads it claimed."""
        token = new_id()
        with work("batch", ROUTE, start=Start(parent=None)) as unit:
            held = await self._claim(token)
            unit.silent = not held
            if held:
                unit.note(leads=len(held))
                await self._route_or_return(token, held, unit)
        return len(held)

    async def _claim(self, token: UUID) -> list[HeldLead]:
        now = datetime.now(UTC)
        held = await self._attempts.acquire_routing_locks(
            token=token,
            limit=self._policy.batch_leads_max,
            lease_seconds=self._policy.lease_seconds,
            due_from=self._watermark.lower_bound(now),
        )
        self._watermark.saw(min((item.was_due_at for item in held), default=None), now)
        return held

    async def _route_or_return(self, token: UUID, held: list[HeldLead], unit: Work) -> None:
        try:
            await self._route(token, held, unit)
        except asyncio.CancelledError:
            # Those that were settled are held no more, and stay as they are.
            await asyncio.shield(self._attempts.return_routing_locks(token, held))
            raise

    async def _route(self, token: UUID, held: list[HeldLead], unit: Work) -> None:
        rule_sets = await self._rules.get_rule_sets(sorted({item.lead.org_id for item in held}))
        attempts = await attempted(held, rule_sets, seconds_max=self._policy.decide_seconds_max)
        outcomes = await self._complete(token, attempts) | await self._fail(token, attempts)
        if undecided := held[len(attempts) :]:
            await self._attempts.return_routing_locks(token, undecided)
            outcomes |= {item.lead.lead_id: "returned" for item in undecided}
        for outcome in outcomes.values():
            unit.count(ROUTE, outcome)
        unit.note(**_counted(outcomes))
        if "routed" in outcomes.values():
            self._offered.set()

    async def _complete(self, token: UUID, attempts: Sequence[Attempt]) -> dict[UUID, str]:
        completions = [
            Completion(
                held=attempt.held,
                decision=attempt.decision,
                rule=attempt.decision.matched,
                hashes=dedupe_hashes(self._secret_ring, attempt.held.lead),
                offer=offer_payload(attempt.held.lead),
                trace=attempt.trace,
            )
            for attempt in attempts
            if attempt.decision.matched is not None
        ]
        if not completions:
            return {}
        return await self._attempts.complete_routings(
            token, completions, dedupe_seconds=self._policy.dedupe_seconds
        )

    async def _fail(self, token: UUID, attempts: Sequence[Attempt]) -> dict[UUID, str]:
        failures = [
            Failure(held=attempt.held, decision=attempt.decision, trace=attempt.trace)
            for attempt in attempts
            if attempt.decision.matched is None
        ]
        return await self._attempts.fail_routings(token, failures) if failures else {}


async def attempted(
    held: Sequence[HeldLead], rule_sets: Mapping[UUID, Sequence[Rule]], *, seconds_max: float
) -> list[Attempt]:
    """Decides the leads in order, at least one of them, for about `seconds_max` seconds.

    A tenant's costly rules thus cannot hold the others' leads past their lease.
    """
    attempts: list[Attempt] = []
    end = time.monotonic() + seconds_max
    for item in held:
        if attempts and time.monotonic() > end:
            break
        attempts.append(_attempt(item, rule_sets[item.lead.org_id]))
        # Let the server answer between two leads.
        await asyncio.sleep(0)
    return attempts


def _attempt(held: HeldLead, rules: Sequence[Rule]) -> Attempt:
    start = continue_from(
        held.trace,
        attempt=held.attempt,
        waited=held.locked_at - held.enqueued_at,
        previous=held.previous,
    )
    with span(ATTEMPT, start=start) as live:
        decision = decide(facts_of(held.lead), rules)
        live.set_attributes({"lead_id": str(held.lead.lead_id), "attempt": held.attempt})
        return Attempt(held=held, decision=decision, trace=from_otel(live.get_span_context()))


def _counted(outcomes: Mapping[UUID, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for outcome in outcomes.values():
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts
