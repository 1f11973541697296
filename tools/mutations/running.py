"""Runs mutations: structural ones in one database, those of functions by pytest, each afresh."""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

import asyncpg

from tools.mutations.mutation import Mutation
from tools.mutations.mutation_result import MutationResult, say
from tools.mutations.structural import Attackers, structural
from tools.schema_guards.database import migrated

# pytest's exit codes: 0 all passed, 1 some failed.
PASSED: Final = 0
RED: Final = 1
IMPOSSIBLE: Final = "MutationImpossibleError"
PROGRESS_EVERY: Final = 100


def chosen(name: str, words: Sequence[str]) -> bool:
    """Whether the name has all of the words."""
    return all(word in name for word in words)


async def run_structural(words: Sequence[str]) -> MutationResult:
    """Takes away what the catalogue has, and attacks it by the checked-in list."""
    result = MutationResult(of="structure")
    async with migrated() as url:
        connection = await asyncpg.connect(url)
        try:
            attackers = Attackers(connection)
            async for mutation in structural(connection):
                if not chosen(mutation.name, words):
                    continue
                noticed = await attackers.notice(mutation)
                result.add(mutation.name, noticed=noticed)
                if not noticed:
                    say(f"SURVIVES  {mutation.name}")
                if result.count % PROGRESS_EVERY == 0:
                    say(f"{result.count} tried, {len(result.survivors)} survive")
        finally:
            await connection.close()
    return result


async def run_of_functions(mutations: Sequence[Mutation], jobs: int) -> MutationResult:
    """Runs the tests that each names; without any mutation first, when they have to pass."""
    result = MutationResult(of="functions")
    tests = sorted({test for mutation in mutations for test in mutation.tests})
    say(f"{len(mutations)} mutations of functions; first their {len(tests)} tests without any")
    code, output = await _pytest(tests)
    if code != PASSED:
        say(output)
        result.add("the tests fail without any mutation", noticed=False)
        return result
    turns = asyncio.Semaphore(jobs)

    async def run(mutation: Mutation) -> None:
        async with turns:
            code, output = await _pytest(mutation.tests, mutation.name)
        noticed = code == RED and IMPOSSIBLE not in output
        result.add(mutation.name, noticed=noticed)
        progress = f"{result.count}/{len(mutations)}"
        say(f"{progress} {'noticed ' if noticed else 'SURVIVES'}  {mutation.name}")
        if not noticed:
            say(output)

    await asyncio.gather(*map(run, mutations))
    return result


async def _pytest(tests: Sequence[str], mutation: str = "") -> tuple[int, str]:
    """Runs tests on a database that is mutated; exit code and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests),
        env={**os.environ, "WAYBILL_TEST_MUTATION": mutation},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")
