"""The router: claims leads that are due, decides each, settles them in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Generic, TypeVar
from uuid import UUID

from services.chassis.database import is_outage
from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop, retry_outage
from services.chassis.sealing import KeyRing
from services.chassis.telemetry import Work, log, span, work
from services.chassis.trace import Start, TraceContext, continue_from, from_otel
from services.chassis.watermark import Watermark
from services.routing.decider import Decider
from services.routing.dedupe import dedupe_hashes
from services.routing.leads import HeldLead
from services.routing.matching import INTERRUPTED_ERROR, Decision, undecided
from services.routing.offers import offer_payload
from services.routing.store.attempts import AttemptStore, Completion, Failure
from services.routing.store.rules import RuleStore

ROUTE: Final = "route leads"
ATTEMPT: Final = "route lead"
# Longer than a failover's first refusals, shorter than the lease to which leads are left then.
OUTAGE_SECONDS_MAX: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPolicy:
    """Bounds: leads per batch, seconds of lease, of a batch's rules, of the dedupe window.

    A lead whose holders were interrupted `interruptions_alone` times is routed by itself, as it may
    be what interrupts; after `interruptions_max` in one attempt the attempt has failed.
    """

    batch_leads_max: int = 200
    lease_seconds: float = 30
    decide_seconds_max: float = 1
    dedupe_seconds: float = 90 * 86_400
    interruptions_alone: int = 2
    interruptions_max: int = 5


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
        decider: Decider,
        secret_ring: KeyRing,
        offered: Wake,
        policy: RouterPolicy | None = None,
    ) -> None:
        self.wake = Wake()
        self._attempts = attempts
        self._rules = rules
        self._decider = decider
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
        self._watermark.observe(min((item.was_due_at for item in held), default=None), now)
        return held

    async def _route_or_return(self, token: UUID, held: list[HeldLead], unit: Work) -> None:
        try:
            await self._route(token, held, unit)
        except asyncio.CancelledError:
            # Those that were settled are held no more, and stay as they are.
            await asyncio.shield(self._attempts.return_routing_locks(token, held))
            raise

    async def _route(self, token: UUID, held: list[HeldLead], unit: Work) -> None:
        sorted_out = sort_out(held, self._policy)
        # Before anything else: what interrupts must not count against those that wait.
        outcomes = await self._return(token, sorted_out.returned)
        outcomes |= await self._fail(token, map(_given_up, sorted_out.given_up))
        for batch in sorted_out.batches:
            outcomes |= await self._route_batch(token, batch)
        for outcome in outcomes.values():
            unit.count(ROUTE, outcome)
        unit.note(**_counted(outcomes))
        if "routed" in outcomes.values():
            self._offered.set()

    async def _route_batch(self, token: UUID, held: Sequence[HeldLead]) -> dict[UUID, str]:
        rule_sets = await self._rules.get_rule_sets(sorted({item.lead.org_id for item in held}))
        decisions = await self._decider.decide(
            [item.lead for item in held], rule_sets, seconds_max=self._policy.decide_seconds_max
        )
        attempts = [
            attempt(item, decisions[item.lead.lead_id])
            for item in held
            if item.lead.lead_id in decisions
        ]
        matched = [item for item in attempts if item.decision.matched is not None]
        others = [item for item in attempts if item.decision.matched is None]
        left = [item for item in held if item.lead.lead_id not in decisions]
        return (
            await self._complete(token, matched)
            | await self._fail(token, others)
            | await self._return(token, left)
        )

    async def _return(self, token: UUID, held: Sequence[HeldLead]) -> dict[UUID, str]:
        if held:
            await self._attempts.return_routing_locks(token, held)
        return {item.lead.lead_id: "returned" for item in held}

    async def _complete(self, token: UUID, matched: Sequence[Attempt]) -> dict[UUID, str]:
        async def complete(part: Sequence[Attempt]) -> dict[UUID, str]:
            completions = [
                Completion(
                    held=attempt.held,
                    decision=attempt.decision,
                    rule=rule,
                    hashes=dedupe_hashes(self._secret_ring, attempt.held.lead),
                    offer=offer_payload(attempt.held.lead),
                    trace=attempt.trace,
                )
                for attempt in part
                if (rule := attempt.decision.matched) is not None
            ]
            return await self._attempts.complete_routings(
                token, completions, dedupe_seconds=self._policy.dedupe_seconds
            )

        settled = await settle_apart(matched, complete)
        if settled.broken:
            settled.outcomes.update(await self._fail_broken(token, settled.broken))
        return settled.outcomes

    async def _fail(self, token: UUID, attempts: Iterable[Attempt]) -> dict[UUID, str]:
        failures = [
            Failure(held=attempt.held, decision=attempt.decision, trace=attempt.trace)
            for attempt in attempts
        ]
        return await self._fail_apart(token, failures)

    async def _fail_broken(
        self, token: UUID, broken: Sequence[tuple[Attempt, Exception]]
    ) -> dict[UUID, str]:
        """Leads that cannot be completed are tried again as those that no rule takes are."""
        failures = [
            Failure(
                held=attempt.held,
                decision=attempt.decision,
                trace=attempt.trace,
                broken_by=type(error).__name__,
            )
            for attempt, error in broken
        ]
        return await self._fail_apart(token, failures)

    async def _fail_apart(self, token: UUID, failures: Sequence[Failure]) -> dict[UUID, str]:
        settled = await settle_apart(
            failures, lambda part: self._attempts.fail_routings(token, part)
        )
        # Nothing can be written about these: they stay with their lease until somebody mends it.
        left = {item.held.lead.lead_id: "left" for item, _ in settled.broken}
        return settled.outcomes | left


Item = TypeVar("Item", Attempt, Failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Generic[Item]):
    """What became of a batch: outcomes by lead, and the items that break any batch."""

    outcomes: dict[UUID, str]
    broken: list[tuple[Item, Exception]]


async def settle_apart(
    items: Sequence[Item], settle: Callable[[Sequence[Item]], Awaitable[dict[UUID, str]]]
) -> Settled[Item]:
    """Settles the items in one batch, or in halves of it where one breaks it: that fails alone.

    `settle` is one transaction. An outage says nothing about an item: it is settled again, and one
    that goes on for longer than OUTAGE_SECONDS_MAX rises.
    """
    settled: Settled[Item] = Settled(outcomes={}, broken=[])
    parts = [items] if items else []
    while parts:
        part = parts.pop()
        try:
            outcomes = await retry_outage(partial(settle, part), seconds_max=OUTAGE_SECONDS_MAX)
            settled.outcomes.update(outcomes)
        except Exception as error:
            if is_outage(error):
                raise
            if len(part) == 1:
                lead_id = str(part[0].held.lead.lead_id)
                log.error("lead cannot be settled", lead_id=lead_id, exc_info=True)
                settled.broken.append((part[0], error))
                continue
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
    return settled


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedOut:
    """A claim: what is routed, batch by batch, what goes back, what was interrupted too often."""

    batches: list[list[HeldLead]]
    returned: list[HeldLead]
    given_up: list[HeldLead]


def sort_out(held: Sequence[HeldLead], policy: RouterPolicy) -> SortedOut:
    """Of leads that may be what interrupts, one is routed, last and alone; the others go back."""
    together: list[HeldLead] = []
    alone: list[HeldLead] = []
    given_up: list[HeldLead] = []
    for item in held:
        if item.interruptions >= policy.interruptions_max * item.attempt:
            given_up.append(item)
        elif item.interruptions >= policy.interruptions_alone:
            alone.append(item)
        else:
            together.append(item)
    batches = [batch for batch in (together, alone[:1]) if batch]
    return SortedOut(batches=batches, returned=alone[1:], given_up=given_up)


def attempt(held: HeldLead, decision: Decision) -> Attempt:
    """The decision as an attempt, in a span of its own."""
    start = continue_from(
        held.trace,
        attempt=held.attempt,
        waited=held.locked_at - held.enqueued_at,
        previous=held.previous,
    )
    with span(ATTEMPT, start=start) as live:
        live.set_attributes({"lead_id": str(held.lead.lead_id), "attempt": held.attempt})
        return Attempt(held=held, decision=decision, trace=from_otel(live.get_span_context()))


def _given_up(held: HeldLead) -> Attempt:
    return attempt(held, undecided(INTERRUPTED_ERROR))


def _counted(outcomes: Mapping[UUID, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for outcome in outcomes.values():
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts
