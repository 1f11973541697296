"""The decider: has rules evaluated, and skips those that time out."""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from services.chassis.telemetry import log
from services.routing.facts import facts_of
from services.routing.matching import RULES_OVERRAN_ERROR, candidates, decide, undecided
from services.routing.records import Decision, Lead, Rule
from services.routing.rule_evaluator.client import RuleEvaluator
from services.routing.rule_evaluator.protocol import (
    OVERRAN,
    EvaluationRequest,
    LeadInput,
    OrgRules,
    ResponsePart,
)

TIMEOUTS_MAX: Final = 5
TIMEOUTS_SECONDS: Final = 60.0
BATCH_TIMEOUTS_MAX: Final = 20


class Decider:
    """Decides leads by their orgs' rules, which `evaluator` evaluates."""

    def __init__(self, evaluator: RuleEvaluator) -> None:
        self._evaluator = evaluator
        self._timeouts = RecentTimeouts()

    async def decide(
        self,
        leads: Sequence[Lead],
        rule_sets: Mapping[UUID, Sequence[Rule]],
        *,
        seconds_max: float,
    ) -> dict[UUID, Decision]:
        """The decisions by lead id, at least one, that can be made in about `seconds_max` seconds.

        A rule that times out on a lead is skipped there, and named. Each timeout costs every org
        time: an org whose rules time out too often is not evaluated for a while, and a batch with
        too many timeouts ends, if need be without a decision.
        """
        end = time.monotonic() + seconds_max
        inputs = [await _lead_input(number, lead) for number, lead in enumerate(leads)]
        decisions: dict[UUID, Decision] = {}

        def receive(part: ResponsePart) -> None:
            for result in part.leads:
                lead = leads[result.number]
                decisions[lead.lead_id] = decide(rule_sets[lead.org_id], result.results)

        for _ in range(BATCH_TIMEOUTS_MAX):
            for item in inputs:
                lead = leads[item.number]
                if lead.lead_id not in decisions and self._timeouts.too_many(lead.org_id):
                    decisions[lead.lead_id] = _not_evaluated(item, rule_sets[lead.org_id])
            waiting = [item for item in inputs if leads[item.number].lead_id not in decisions]
            seconds_left = end - time.monotonic()
            if not waiting or (decisions and seconds_left <= 0):
                break
            orgs = _by_org(leads, waiting, rule_sets)
            timed_out = await self._evaluator.call(
                EvaluationRequest(orgs=orgs, seconds_max=seconds_left), receive
            )
            if timed_out is None:
                break
            lead = leads[timed_out.lead]
            inputs[timed_out.lead].timed_out.append(timed_out.rule)
            self._note(lead, rule_sets[lead.org_id][timed_out.rule])
        return decisions

    def _note(self, lead: Lead, rule: Rule) -> None:
        self._timeouts.note(lead.org_id)
        log.warning(
            "rule overran",
            org_id=str(lead.org_id),
            lead_id=str(lead.lead_id),
            rule_id=str(rule.rule_id),
            rule_version=rule.version,
        )


async def _lead_input(number: int, lead: Lead) -> LeadInput:
    # Let the server answer between two leads.
    await asyncio.sleep(0)
    return LeadInput(number=number, facts=facts_of(lead), timed_out=[])


def _not_evaluated(item: LeadInput, rules: Sequence[Rule]) -> Decision:
    """The rules that timed out on this lead are named."""
    timed_out = [rules[rule] for rule in sorted(item.timed_out)]
    return undecided(RULES_OVERRAN_ERROR, candidates(timed_out, [OVERRAN] * len(timed_out)))


def _by_org(
    leads: Sequence[Lead], inputs: Sequence[LeadInput], rule_sets: Mapping[UUID, Sequence[Rule]]
) -> list[OrgRules]:
    by_org: dict[UUID, list[LeadInput]] = defaultdict(list)
    for item in inputs:
        by_org[leads[item.number].org_id].append(item)
    orgs = [
        OrgRules(conditions=[rule.condition for rule in rule_sets[org_id]], leads=org_inputs)
        for org_id, org_inputs in by_org.items()
    ]
    # Where there is no time for all of them, it is not always the same ones that go without.
    random.shuffle(orgs)
    return orgs


class RecentTimeouts:
    """How often each org's rules timed out in the last TIMEOUTS_SECONDS."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[UUID, deque[float]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def note(self, org_id: UUID) -> None:
        """Counts one."""
        now = self._clock()
        self._times.setdefault(org_id, deque(maxlen=TIMEOUTS_MAX)).append(now)
        past = [key for key, times in self._times.items() if times[-1] <= now - TIMEOUTS_SECONDS]
        for key in past:
            del self._times[key]

    def too_many(self, org_id: UUID) -> bool:
        """Whether TIMEOUTS_MAX of them fall into the last TIMEOUTS_SECONDS."""
        times = self._times.get(org_id)
        if times is None or len(times) < TIMEOUTS_MAX:
            return False
        return times[0] > self._clock() - TIMEOUTS_SECONDS
