"""Takes lines of defence away one by one and runs the tests that must turn red: `make mutate`.

    python -m tests.mutations              all of them
    python -m tests.mutations consumption  those whose name has the word

Ends with 1 where a mutation survives (its tests pass), where the tests fail without any, or where
what was to be taken away is not there.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

from tests.mutations.catalogue import MUTATIONS
from tests.mutations.mutation import Mutation

# pytest's exit codes: 0 all passed, 1 some failed.
PASSED: Final = 0
RED: Final = 1
IMPOSSIBLE: Final = "MutationImpossibleError"


def tell(sentence: str) -> None:
    """Says it to whoever watches."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


async def pytest(tests: Sequence[str], mutation: str = "") -> tuple[int, str]:
    """Runs tests on a database that is mutated; exit code and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests),
        env={**os.environ, "WAYBILL_TEST_MUTATION": mutation},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


async def survives(mutation: Mutation, turns: asyncio.Semaphore) -> bool:
    """Whether the tests stay green, or do not get to run, without what the mutation takes away."""
    async with turns:
        code, output = await pytest(mutation.tests, mutation.name)
    noticed = code == RED and IMPOSSIBLE not in output
    tell(f"{'noticed ' if noticed else 'SURVIVES'}  {mutation.name}")
    if not noticed:
        tell(output)
    return not noticed


async def main(words: Sequence[str]) -> int:
    """Runs them; the exit code."""
    chosen = [each for each in MUTATIONS if all(word in each.name for word in words)]
    tests = sorted({test for mutation in chosen for test in mutation.tests})
    tell(f"{len(chosen)} mutations; first {len(tests)} tests without any")
    code, output = await pytest(tests)
    if code != PASSED:
        tell(output)
        return 1
    turns = asyncio.Semaphore(2)
    survivors = await asyncio.gather(*(survives(each, turns) for each in chosen))
    tell(f"{len(chosen) - sum(survivors)} of {len(chosen)} mutations were noticed")
    return int(any(survivors))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutations whose name has all of these")
    sys.exit(asyncio.run(main(parser.parse_args().words)))
