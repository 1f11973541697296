"""The list of mutations keeps up with fences of functions, with triggers, and with its tests."""

import re
from collections import Counter
from pathlib import Path

from tests.conventions.schemas import Admin, FunctionFile, function_files, mending
from tests.defences.listed import listed
from tests.defences.transactions import undone
from tests.mutations.catalogue import MUTATIONS
from tests.mutations.mutation import Mutation, MutationImpossibleError, apply

ROOT = Path(__file__).parent.parent.parent
# A lease is held against the clock; a token, a version or a content against what the caller has.
FENCES = (
    r"((?:\w+\.)?\b(?!lead_)\w*expires_at (?:>|<=) p_now)",
    r"(?:\b(?:and|or|on|if|where|when) |\()((?:\w+\.)?\w*token (?:=|is distinct from) [\w.]*token)",
    r"(\((?:\w+\.\w+, )+\w+\.claim_token\) in)",
    r"(\w*\.?version(?:::text)? (?:<>|=) p_(?:version|etag))",
    r"([\w.]*content_hash <> [\w.]+)",
)
# What looks like a fence and fences nothing off, with how often at most.
NOT_FENCES = Counter(
    {
        # Finds again what it has just claimed under the token.
        ("claim_deliveries", "d.claim_token = p_token"): 9,
        ("claim_deliveries", "t.claim_token = p_token"): 1,
        # How many there are; which ones, is asked again.
        ("lock_due_leads", "l.routing_lock_expires_at <= p_now"): 1,
        ("lock_due_outbox", "o.claim_expires_at <= p_now"): 1,
        # How much is due, and whose; what is locked is asked again.
        ("lock_due_webhook_items", "i.claim_expires_at <= p_now"): 3,
        # Which to lock; under the locks it is asked again.
        ("expire_holds", "h.expires_at <= p_now"): 1,
        # Which to end: end_holds asks again.
        ("expire_slot_holds", "h.expires_at <= p_now"): 1,
        ("expire_stale_claims", "k.hold_expires_at <= p_now"): 1,
        # Reads: the exclusion constraint decides.
        ("list_conflicts", "k.hold_expires_at > p_now"): 1,
        ("free_ranges", "k.hold_expires_at > p_now"): 1,
        ("slot_starts", "k.hold_expires_at > p_now"): 1,
        # Reads, of leases that are held.
        ("list_sync_locks", "l.expires_at > p_now"): 1,
        ("refuse_sync_in_progress", "l.expires_at > p_now"): 1,
        # Refuses early: the lease, and the key of the one open session of a page, decide.
        ("schedule_sync", "l.expires_at > p_now"): 1,
    }
)


def fences(file: FunctionFile) -> list[str]:
    """Conditions of the function that look like fences."""
    code = " ".join(re.sub(r"--.*", "", file.text).split())
    return [found for pattern in FENCES for found in re.findall(pattern, code)]


def of_function(file: FunctionFile) -> list[Mutation]:
    """The mutations of a function: of the chassis' in whatever schema."""
    service = file.path.parent.parent.parent.name
    return [
        mutation
        for mutation in MUTATIONS
        if mutation.function.endswith(f".{file.name}")
        and service in ("chassis", mutation.function.partition(".")[0])
    ]


def test_every_fence_of_a_function_has_a_mutation() -> None:
    bare, no_more = [], set(NOT_FENCES)
    for file in function_files():
        found = Counter((file.name, fence) for fence in fences(file))
        no_more -= found.keys()
        taken_away = [" ".join(mutation.old.split()) for mutation in of_function(file)]
        for (name, fence), count in (found - NOT_FENCES).items():
            if sum(old.count(fence) for old in taken_away) < count:
                bare.append(f"{name}: {fence}")
    assert not bare, mending(
        bare,
        "take each away in tests/mutations/fences.py, name the test that notices, and see it by"
        " `make mutate`; where it fences nothing off say why in NOT_FENCES",
    )
    assert not no_more, mending(no_more, "take it out of NOT_FENCES")


def test_every_trigger_has_a_mutation() -> None:
    bare = [
        str(defence)
        for defence in listed()
        if defence.kind == "trigger"
        and not any(f"drop trigger {defence.name} " in each.sql for each in MUTATIONS)
    ]
    assert not bare, mending(
        bare, "no row attacks a trigger: drop it in tests/mutations/catalogue.py, name its test"
    )


async def test_what_mutations_take_away_is_there(admin: Admin) -> None:
    gone = []
    for mutation in MUTATIONS:
        async with undone(admin):
            try:
                await apply(mutation, admin)
            except MutationImpossibleError as error:
                gone.append(str(error))
    assert not gone, mending(gone, "bring tests/mutations up to the schema as it is now")


def test_mutations_have_names_of_their_own_and_tests_that_there_are() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names), mending(names, "name them apart")
    missing = []
    for test in sorted({test for mutation in MUTATIONS for test in mutation.tests}):
        path, _, name = test.partition("::")
        file = ROOT / path
        if not file.exists() or f"def {name.partition('[')[0]}" not in file.read_text():
            missing.append(test)
    assert not missing, mending(missing, "tests/mutations names tests as they are called now")
