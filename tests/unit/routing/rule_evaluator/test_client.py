"""The evaluator's process: what it answers, what ends it, and that another one follows it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import uvloop

from services.chassis.errors import DomainError
from services.routing.decider import Decider
from services.routing.dry_runs import DryRuns
from services.routing.facts import facts_of
from services.routing.records import Decision, Lead, LeadAnswer, Rule
from services.routing.rule_evaluator.client import (
    EvaluatorFailed,
    EvaluatorProcess,
    evaluator_process,
)
from services.routing.rule_evaluator.protocol import (
    DryRunRequest,
    EvaluationRequest,
    EvaluatorLimits,
    LeadInput,
    OrgRules,
    ResponsePart,
)
from tests.unit.routing.builders import a_lead, a_rule

NINETY = str([1] * 90)
SLOW = f"{NINETY}.exists(a, {NINETY}.exists(b, lead.details.matches('(a?){{50}}b')))"
LARGE = f"{NINETY}.map(a, {NINETY}.map(b, lead.details{' + lead.details' * 20})).size() == 0"
A_LARGE_LEAD = {"details": "a" * 2000}


@pytest.fixture
async def evaluator() -> AsyncIterator[EvaluatorProcess]:
    async with evaluator_process(EvaluatorLimits()) as started:
        yield started


async def decide(evaluator: EvaluatorProcess, lead: Lead, *rules: Rule) -> Decision:
    decisions = await Decider(evaluator).decide([lead], {lead.org_id: list(rules)}, seconds_max=60)
    return decisions[lead.lead_id]


async def test_facts_arrive_as_they_are(evaluator: EvaluatorProcess) -> None:
    lead = a_lead(answers=(LeadAnswer(name="size", values=("S", "L")),), consents={"news": True})
    condition = """
        lead.answers.size == ["S", "L"] && lead.consents.news
        && lead.received_at == timestamp("2026-11-20T12:00:00Z")
        && lead.full_name == "Ada Lovelace" && lead.phone_country == "DE"
    """
    assert (await decide(evaluator, lead, a_rule(condition))).outcome == "routed"


@pytest.mark.parametrize(
    ("condition", "limits"),
    [(SLOW, EvaluatorLimits(memory_bytes=2**30)), (LARGE, EvaluatorLimits(lead_cpu_seconds=10))],
    ids=["too slow", "too large"],
)
async def test_a_rule_that_times_out_is_skipped_and_named_and_the_next_is_asked(
    condition: str, limits: EvaluatorLimits
) -> None:
    rules = [a_rule("false"), a_rule(condition), a_rule("true")]
    async with evaluator_process(limits) as evaluator:
        decision = await decide(evaluator, a_lead(**A_LARGE_LEAD), *rules)
    assert decision.matched == rules[2]
    results = [candidate.result for candidate in decision.candidates]
    assert results == ["failed", "error", "matched"]
    assert decision.candidates[1].failing_predicate.startswith("OVERRAN: ")


async def test_all_rules_of_a_lead_share_its_time(evaluator: EvaluatorProcess) -> None:
    part = f"{NINETY}.exists(a, [1, 1].exists(b, lead.details.matches('(a?){{9}}b')))"
    lead = a_lead(**A_LARGE_LEAD)
    assert (await decide(evaluator, lead, a_rule(part))).error == "NO_MATCH"
    decision = await decide(evaluator, lead, *[a_rule(part) for _ in range(100)])
    assert decision.error == "RULES_OVERRAN"


async def test_while_one_lead_is_evaluated_the_loop_is_free(evaluator: EvaluatorProcess) -> None:
    deciding = asyncio.create_task(decide(evaluator, a_lead(**A_LARGE_LEAD), a_rule(SLOW)))
    passes = 0
    while not deciding.done():
        await asyncio.sleep(0)
        passes += 1
    assert passes > 100
    assert (await deciding).error == "RULES_FAILED"


async def test_an_evaluator_that_was_killed_while_it_had_nothing_to_do_is_started_again(
    evaluator: EvaluatorProcess,
) -> None:
    assert (await decide(evaluator, a_lead(), a_rule())).outcome == "routed"
    pid = evaluator.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert (await decide(evaluator, a_lead(), a_rule())).outcome == "routed"
    assert evaluator.pid != pid


async def gone(pid: int) -> None:
    """Returns when the process has ended and the loop has had time to notice."""
    fd, ended, running = os.pidfd_open(pid), asyncio.Event(), asyncio.get_running_loop()
    running.add_reader(fd, ended.set)
    await ended.wait()
    running.remove_reader(fd)
    os.close(fd)
    for _ in range(10):
        await asyncio.sleep(0)


def test_the_services_loop_notices_that_its_evaluator_was_killed() -> None:
    async def kill_and_call() -> None:
        async with evaluator_process(EvaluatorLimits()) as evaluator:
            for is_noticed in (True, False):
                await decide(evaluator, a_lead(), a_rule())
                pid = evaluator.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                if is_noticed:
                    await gone(pid)
                assert (await decide(evaluator, a_lead(), a_rule())).outcome == "routed"

    uvloop.run(kill_and_call())


async def test_it_leaves_signals_to_the_service(evaluator: EvaluatorProcess) -> None:
    assert (await decide(evaluator, a_lead(), a_rule())).outcome == "routed"
    pid = evaluator.pid
    assert pid is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    assert (await decide(evaluator, a_lead(), a_rule())).outcome == "routed"
    assert evaluator.pid == pid


async def test_a_call_cancelled_in_mid_response_leaves_nothing_for_the_next(
    evaluator: EvaluatorProcess,
) -> None:
    nine = str([1] * 9)
    rather_slow = f"{NINETY}.exists(a, {nine}.exists(b, lead.details.matches('(a?){{9}}b')))"
    facts = facts_of(a_lead(**A_LARGE_LEAD))
    inputs = [LeadInput(number=number, facts=facts, timed_out=[]) for number in range(20)]
    org = OrgRules(conditions=[rather_slow, rather_slow], leads=inputs)
    parts: list[ResponsePart] = []

    def receive(part: ResponsePart) -> None:
        parts.append(part)
        calling.cancel()

    calling = asyncio.create_task(
        evaluator.call(EvaluationRequest(orgs=[org], seconds_max=60), receive)
    )
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert [part.is_last for part in parts] == [False]
    assert (await decide(evaluator, a_lead(), a_rule())).outcome == "routed"


async def test_an_evaluator_that_never_comes_to_a_rule_blames_none() -> None:
    too_little = EvaluatorLimits(memory_bytes=2**20)
    async with evaluator_process(too_little) as evaluator:
        with pytest.raises(EvaluatorFailed):
            await evaluator.call(DryRunRequest(condition="true", facts={}), lambda part: None)


async def test_the_process_ends_with_the_block() -> None:
    async with evaluator_process(EvaluatorLimits()) as evaluator:
        await decide(evaluator, a_lead(), a_rule())
        pid = evaluator.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "condition",
    [
        'lead.type == "order" && lead.phone_country == "DE"',
        "lead.answers.exists(key, lead.answers[key].exists(value, value.matches('(?i)x+y')))",
        f"{[f'word {number}' for number in range(200)]}.exists(w, lead.details.contains(w))",
        f"""lead.type in [{", ".join(['"a" + "b"'] * 300)}]""",
    ],
)
async def test_an_ordinary_condition_passes_its_dry_run(
    evaluator: EvaluatorProcess, condition: str
) -> None:
    await DryRuns(evaluator).check(condition)


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
async def test_a_costly_condition_is_refused(evaluator: EvaluatorProcess, condition: str) -> None:
    with pytest.raises(DomainError, match="CONDITION_REFUSED") as refused:
        await DryRuns(evaluator).check(condition)
    assert refused.value.metadata["problem"] == "it takes too much time or memory on a large lead"


async def test_a_condition_that_does_not_compile_is_refused_with_its_position(
    evaluator: EvaluatorProcess,
) -> None:
    with pytest.raises(DomainError, match="CONDITION_REFUSED") as refused:
        await DryRuns(evaluator).check("true &&\n lead.gone")
    metadata = refused.value.metadata
    assert (metadata["line"], metadata["column"]) == ("2", "6")
    assert "undeclared reference" in metadata["problem"]
