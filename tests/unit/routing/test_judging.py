"""The judge's process: what it answers, what ends it, and that another takes its place."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import uvloop

from services.chassis.errors import DomainError
from services.routing.decider import Decider
from services.routing.facts import facts_of
from services.routing.hearings import Answer as Part
from services.routing.hearings import Case, Docket, Hearing, JudgeLimits, Trial
from services.routing.judging import JudgeFailed, JudgeProcess, judging
from services.routing.leads import Answer, Lead
from services.routing.matching import Decision, Rule
from services.routing.trials import Trials
from tests.unit.routing.builders import a_lead, a_rule

NINETY = str([1] * 90)
SLOW = f"{NINETY}.exists(a, {NINETY}.exists(b, lead.details.matches('(a?){{50}}b')))"
LARGE = f"{NINETY}.map(a, {NINETY}.map(b, lead.details{' + lead.details' * 20})).size() == 0"
A_LARGE_LEAD = {"details": "a" * 2000}


@pytest.fixture
async def judge() -> AsyncIterator[JudgeProcess]:
    async with judging(JudgeLimits()) as started:
        yield started


async def decide(judge: JudgeProcess, lead: Lead, *rules: Rule) -> Decision:
    decisions = await Decider(judge).decide([lead], {lead.org_id: list(rules)}, seconds_max=60)
    return decisions[lead.lead_id]


async def test_facts_arrive_as_they_are(judge: JudgeProcess) -> None:
    lead = a_lead(answers=(Answer(name="size", values=("S", "L")),), consents={"news": True})
    condition = """
        lead.answers.size == ["S", "L"] && lead.consents.news
        && lead.received_at == timestamp("2026-11-20T12:00:00Z")
        && lead.full_name == "Ada Lovelace" && lead.phone_country == "DE"
    """
    assert (await decide(judge, lead, a_rule(condition))).outcome == "routed"


@pytest.mark.parametrize(
    ("condition", "limits"),
    [(SLOW, JudgeLimits(memory_bytes=2**30)), (LARGE, JudgeLimits(lead_cpu_seconds=10))],
    ids=["too slow", "too large"],
)
async def test_a_rule_that_overruns_is_skipped_and_named_and_the_next_is_asked(
    condition: str, limits: JudgeLimits
) -> None:
    rules = [a_rule("false"), a_rule(condition), a_rule("true")]
    async with judging(limits) as judge:
        decision = await decide(judge, a_lead(**A_LARGE_LEAD), *rules)
    assert decision.matched == rules[2]
    results = [candidate.result for candidate in decision.candidates]
    assert results == ["failed", "error", "matched"]
    assert decision.candidates[1].failing_predicate.startswith("OVERRAN: ")


async def test_all_rules_of_a_lead_share_its_time(judge: JudgeProcess) -> None:
    part = f"{NINETY}.exists(a, [1, 1].exists(b, lead.details.matches('(a?){{9}}b')))"
    lead = a_lead(**A_LARGE_LEAD)
    assert (await decide(judge, lead, a_rule(part))).error == "NO_MATCH"
    decision = await decide(judge, lead, *[a_rule(part) for _ in range(100)])
    assert decision.error == "RULES_OVERRAN"


async def test_while_one_lead_is_judged_the_loop_is_free(judge: JudgeProcess) -> None:
    deciding = asyncio.create_task(decide(judge, a_lead(**A_LARGE_LEAD), a_rule(SLOW)))
    turns = 0
    while not deciding.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    assert (await deciding).error == "RULES_FAILED"


async def test_a_judge_that_was_killed_while_it_had_nothing_to_do_is_started_again(
    judge: JudgeProcess,
) -> None:
    assert (await decide(judge, a_lead(), a_rule())).outcome == "routed"
    pid = judge.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert (await decide(judge, a_lead(), a_rule())).outcome == "routed"
    assert judge.pid != pid


async def gone(pid: int) -> None:
    """Returns when the process has ended and the loop has had time to notice."""
    fd, ended, running = os.pidfd_open(pid), asyncio.Event(), asyncio.get_running_loop()
    running.add_reader(fd, ended.set)
    await ended.wait()
    running.remove_reader(fd)
    os.close(fd)
    for _ in range(10):
        await asyncio.sleep(0)


def test_the_services_loop_notices_that_its_judge_was_killed() -> None:
    async def kill_and_ask() -> None:
        async with judging(JudgeLimits()) as judge:
            for is_noticed in (True, False):
                await decide(judge, a_lead(), a_rule())
                pid = judge.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                if is_noticed:
                    await gone(pid)
                assert (await decide(judge, a_lead(), a_rule())).outcome == "routed"

    uvloop.run(kill_and_ask())


async def test_it_leaves_signals_to_the_service(judge: JudgeProcess) -> None:
    assert (await decide(judge, a_lead(), a_rule())).outcome == "routed"
    pid = judge.pid
    assert pid is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    assert (await decide(judge, a_lead(), a_rule())).outcome == "routed"
    assert judge.pid == pid


async def test_a_question_cancelled_in_mid_answer_leaves_nothing_for_the_next(
    judge: JudgeProcess,
) -> None:
    nine = str([1] * 9)
    rather_slow = f"{NINETY}.exists(a, {nine}.exists(b, lead.details.matches('(a?){{9}}b')))"
    facts = facts_of(a_lead(**A_LARGE_LEAD))
    cases = [Case(number=number, facts=facts, overran=[]) for number in range(20)]
    docket = Docket(conditions=[rather_slow, rather_slow], cases=cases)
    parts: list[Part] = []

    def take(part: Part) -> None:
        parts.append(part)
        asking.cancel()

    asking = asyncio.create_task(judge.ask(Hearing(dockets=[docket], seconds_max=60), take))
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [part.is_last for part in parts] == [False]
    assert (await decide(judge, a_lead(), a_rule())).outcome == "routed"


async def test_a_judge_that_never_comes_to_a_rule_blames_none() -> None:
    too_little = JudgeLimits(memory_bytes=2**20)
    async with judging(too_little) as judge:
        with pytest.raises(JudgeFailed):
            await judge.ask(Trial(condition="true", facts={}), lambda answer: None)


async def test_the_process_ends_with_the_block() -> None:
    async with judging(JudgeLimits()) as judge:
        await decide(judge, a_lead(), a_rule())
        pid = judge.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "condition",
    [
        'lead.type == "order" && lead.phone_country == "DE"',
        "lead.answers.exists(key, lead.answers[key].exists(value, value.matches('(?i)x+y')))",
        f"{[f'word {number}' for number in range(200)]}.exists(w, lead.details.contains(w))",
    ],
)
async def test_an_ordinary_condition_passes_its_trial(judge: JudgeProcess, condition: str) -> None:
    await Trials(judge).check(condition)


@pytest.mark.parametrize(
    "condition",
    [
        SLOW,
        LARGE,
        f"lead.has_phone == false && {SLOW}",
        SLOW.replace("lead.details", "lead.answers.size[0]"),
    ],
    ids=["slow", "large", "behind a false part", "in an answer"],
)
async def test_a_costly_condition_is_refused(judge: JudgeProcess, condition: str) -> None:
    with pytest.raises(DomainError, match="CONDITION_REFUSED") as refused:
        await Trials(judge).check(condition)
    assert refused.value.metadata["problem"] == "it takes too much time or memory on a large lead"


async def test_a_condition_that_does_not_compile_is_refused_with_its_position(
    judge: JudgeProcess,
) -> None:
    with pytest.raises(DomainError, match="CONDITION_REFUSED") as refused:
        await Trials(judge).check("true &&\n lead.gone")
    metadata = refused.value.metadata
    assert (metadata["line"], metadata["column"]) == ("2", "6")
    assert "undeclared reference" in metadata["problem"]
