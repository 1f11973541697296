"""Takes guards away one by one and runs the tests that must turn red: `make mutate`.

Of the structure (every key, check, reference, policy, column without null and grant of the
database's catalogue) each is tried by what tests/conventions/test_schema_guards.py does, in
about two minutes. Of the functions (tools/mutations/catalogue.py) each is tried by the tests it
names, in some ten.

Ends with 1 where a mutation survives (its tests pass), where tests fail without any, or where what
was to be taken away is not there.
"""

import argparse
import asyncio
import sys

from tools.mutations.catalogue import MUTATIONS
from tools.mutations.mutation_result import say
from tools.mutations.running import chosen, run_of_functions, run_structural

EXAMPLES = """\
examples:
  make mutate                                  everything
  make mutate ARGS="--only structure"          keys, checks, references, policies, nulls, grants
  make mutate ARGS="--only structure delivery" those of one schema
  make mutate ARGS="--only functions sync."    fences in sync's functions
  make mutate ARGS="credit_holds"              whatever has the word in its name
"""


async def main(arguments: argparse.Namespace) -> int:
    """Runs them; the exit code."""
    results = []
    if arguments.only != "functions":
        results.append(await run_structural(arguments.words))
    mutations = [each for each in MUTATIONS if chosen(each.name, arguments.words)]
    if arguments.only != "structure" and mutations:
        results.append(await run_of_functions(mutations, arguments.jobs))
    for result in results:
        say(str(result))
        for survivor in result.survivors:
            say(f"  SURVIVES  {survivor}")
    if not sum(result.count for result in results):
        say("no mutation has such a name")
        return 1
    return int(any(result.survivors for result in results))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutations",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", help="only mutations whose name has all of these")
    parser.add_argument("--only", choices=("structure", "functions"), help="one of the two kinds")
    parser.add_argument("--jobs", type=int, default=2, help="pytest processes at once (2)")
    sys.exit(asyncio.run(main(parser.parse_args())))
