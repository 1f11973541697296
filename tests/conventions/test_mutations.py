"""The list of mutations keeps up with fences of functions, with triggers, and with its tests."""

import re
from pathlib import Path

import pytest

from services.chassis.migrate import SERVICES
from tests.conventions.schemas import Admin, FunctionFile, function_files, mending
from tools.mutations.catalogue import MUTATIONS
from tools.mutations.mutation import MARK, Mutation, MutationImpossibleError, apply
from tools.schema_guards.listed import listed
from tools.schema_guards.transactions import undone

ROOT = Path(__file__).parent.parent.parent
# A lease is held against the clock; a token, a version or a content against what the caller has.
FENCE_LIKE = re.compile(
    r"\b(?!lead_)\w*expires_at (?:>|<=) p_now"
    r"|\b(?:and|or|on|if|where|when) (?:\w+\.)?\w*token (?:=|is distinct from) [\w.]*token\b"
    r"|\((?:\w+\.\w+, )+\w+\.claim_token\) in"
    r"|\bversion(?:::text)? (?:<>|=) p_(?:version|etag)"
    r"|\bcontent_hash <> "
)
NOT_A_FENCE = re.compile(r"-- not a fence: \w+ \w+")


def of_function(file: FunctionFile) -> list[Mutation]:
    """The mutations of a function: of the chassis' in whatever schema."""
    service = file.path.relative_to(SERVICES).parts[0]
    return [
        mutation
        for mutation in MUTATIONS
        if mutation.function.endswith(f".{file.name}")
        and service in ("chassis", mutation.function.partition(".")[0])
    ]


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_what_looks_like_a_fence_is_marked(file: FunctionFile) -> None:
    bare = [
        line.strip()
        for line in file.text.split("\n")
        if FENCE_LIKE.search(line.partition("--")[0])
        and not MARK.search(line)
        and not NOT_A_FENCE.search(line)
    ]
    assert not bare, mending(
        bare,
        f"{file}: end the line in `-- fence: <name>` and name the test that notices it gone in"
        " tools/mutations/fences/; or say what it is instead: `-- not a fence: <reason>`",
    )


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_every_fence_has_a_mutation(file: FunctionFile) -> None:
    marked = {found["name"] for line in file.text.split("\n") if (found := MARK.search(line))}
    taken_away = {mutation.fence for mutation in of_function(file)}
    assert marked == taken_away, mending(
        marked ^ taken_away,
        f"{file}: `without_fence` in tools/mutations/fences/ for each mark; see the test notice"
        " it by `make mutate`",
    )


def test_every_trigger_has_a_mutation() -> None:
    bare = [
        str(guard)
        for guard in listed()
        if guard.kind == "trigger"
        and not any(f"drop trigger {guard.name} " in each.sql for each in MUTATIONS)
    ]
    assert not bare, mending(
        bare, "no row attacks a trigger: drop it in tools/mutations/catalogue.py, name its test"
    )


async def test_what_mutations_take_away_is_there(admin: Admin) -> None:
    gone = []
    for mutation in MUTATIONS:
        async with undone(admin):
            try:
                await apply(mutation, admin)
            except MutationImpossibleError as error:
                gone.append(str(error))
    assert not gone, mending(gone, "bring tools/mutations up to the schema as it is now")


def test_mutations_have_names_of_their_own_and_tests_that_there_are() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names), mending(names, "name them apart")
    missing = []
    for test in sorted({test for mutation in MUTATIONS for test in mutation.tests}):
        path, _, name = test.partition("::")
        file = ROOT / path
        if not file.exists() or f"def {name.partition('[')[0]}" not in file.read_text():
            missing.append(test)
    assert not missing, mending(missing, "tools/mutations names tests as they are called now")
