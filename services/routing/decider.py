"""The decider: has leads judged, and goes on without the rules that overrun."""

import asyncio
import random
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from services.chassis.telemetry import log
from services.routing.facts import facts_of
from services.routing.hearings import OVERRAN, Answer, Case, Docket, Hearing
from services.routing.judging import Judge
from services.routing.leads import Lead
from services.routing.matching import (
    RULES_OVERRAN_ERROR,
    Decision,
    Rule,
    candidates,
    decide,
    undecided,
)

OVERRUNS_MAX: Final = 5
OVERRUNS_SECONDS: Final = 60.0
BATCH_OVERRUNS_MAX: Final = 20


class Decider:
    """Decides leads by their orgs' rules; `judge` evaluates these."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._overruns = Overruns()

    async def decide(
        self,
        leads: Sequence[Lead],
        rule_sets: Mapping[UUID, Sequence[Rule]],
        *,
        seconds_max: float,
    ) -> dict[UUID, Decision]:
        """The decisions by lead id, at least one, that can be made in about `seconds_max` seconds.

        A rule that overruns on a lead is skipped there, and named. Each overrun costs everybody
        time: an org whose rules do it too often is not judged for a while, and a batch with too
        many of them ends, if need be without a decision.
        """
        end = time.monotonic() + seconds_max
        cases = [await _case(number, lead) for number, lead in enumerate(leads)]
        decisions: dict[UUID, Decision] = {}

        def take(answer: Answer) -> None:
            for judged in answer.judged:
                lead = leads[judged.number]
                decisions[lead.lead_id] = decide(rule_sets[lead.org_id], judged.verdicts)

        for _ in range(BATCH_OVERRUNS_MAX):
            for case in cases:
                lead = leads[case.number]
                if lead.lead_id not in decisions and self._overruns.too_many(lead.org_id):
                    decisions[lead.lead_id] = _not_judged(case, rule_sets[lead.org_id])
            waiting = [case for case in cases if leads[case.number].lead_id not in decisions]
            seconds_left = end - time.monotonic()
            if not waiting or (decisions and seconds_left <= 0):
                break
            dockets = _dockets(leads, waiting, rule_sets)
            overrun = await self._judge.ask(
                Hearing(dockets=dockets, seconds_max=seconds_left), take
            )
            if overrun is None:
                break
            lead = leads[overrun.case]
            cases[overrun.case].overran.append(overrun.rule)
            self._note(lead, rule_sets[lead.org_id][overrun.rule])
        return decisions

    def _note(self, lead: Lead, rule: Rule) -> None:
        self._overruns.note(lead.org_id)
        log.warning(
            "rule overran",
            org_id=str(lead.org_id),
            lead_id=str(lead.lead_id),
            rule_id=str(rule.rule_id),
            rule_version=rule.version,
        )


async def _case(number: int, lead: Lead) -> Case:
    # Let the server answer between two leads.
    await asyncio.sleep(0)
    return Case(number=number, facts=facts_of(lead), overran=[])


def _not_judged(case: Case, rules: Sequence[Rule]) -> Decision:
    """The rules that overran on this lead are named."""
    overran = [rules[rule] for rule in sorted(case.overran)]
    return undecided(RULES_OVERRAN_ERROR, candidates(overran, [OVERRAN] * len(overran)))


def _dockets(
    leads: Sequence[Lead], cases: Sequence[Case], rule_sets: Mapping[UUID, Sequence[Rule]]
) -> list[Docket]:
    by_org: dict[UUID, list[Case]] = defaultdict(list)
    for case in cases:
        by_org[leads[case.number].org_id].append(case)
    dockets = [
        Docket(conditions=[rule.condition for rule in rule_sets[org_id]], cases=org_cases)
        for org_id, org_cases in by_org.items()
    ]
    # Where there is no time for all of them, it is not always the same ones that go without.
    random.shuffle(dockets)
    return dockets


class Overruns:
    """How often each org's rules overran of late."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[UUID, deque[float]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def note(self, org_id: UUID) -> None:
        """Counts one."""
        now = self._clock()
        self._times.setdefault(org_id, deque(maxlen=OVERRUNS_MAX)).append(now)
        past = [key for key, times in self._times.items() if times[-1] <= now - OVERRUNS_SECONDS]
        for key in past:
            del self._times[key]

    def too_many(self, org_id: UUID) -> bool:
        """Whether OVERRUNS_MAX of them fall into the last OVERRUNS_SECONDS."""
        times = self._times.get(org_id)
        if times is None or len(times) < OVERRUNS_MAX:
            return False
        return times[0] > self._clock() - OVERRUNS_SECONDS
