"""A name is owned once, and every word is one of the field's."""

import re
from collections import defaultdict

import pytest

from deploy.local.state import ROOT
from tests.conventions.modules import files_below, public_classes
from tests.conventions.schemas import mending

# What the floor plan names alike in every service.
ROLES = {"Dependencies": "what a service's registration() takes"}
ROLE_SUFFIXES = ("Handlers", "Store", "Config")
# A name that two may own, with the reason.
SHARED: dict[str, str] = {}

# Words that only this house used, as regular expressions, and what a reader of PostgreSQL, gRPC and
# webhooks expects instead.
WORDS = {
    r"[Hh]earings?\b": "evaluation",
    r"\b[Dd]ocket\b": "queue of evaluation requests",
    r"\b[Jj]udg(e|es|ed|ing)\b": "evaluate, rule evaluator",
    r"\b[Vv]erdicts?\b|VerdictKind": "result, state or action: say which",
    r"\btrials?\b": "dry run",
    r"\b[Ff]ates?\b|_fate\b": "disposition, status or action",
    r"\bprecedence\.py\b|\bPrecedence\b": "webhook_priority",
    r"\bowed\b|_owed\b": "pending",
    r"\btaken_up\b|\btaken up\b": "resumed",
    # sync.told_events is the name of a table, which stays.
    r"ToldPageEvent": "ReportedPageEvent",
    r"\bgives? back\b|_give_back\b": "returns, releases",
    r"\banew\b": "again",
    r"\b[Aa]mbush(es)?\b": "fault injection",
    r"\b[Dd]efences?\b": "schema guard",
    r"\bthrough_outage\b": "retry_outage",
    r"\bclass Wish\b": "arguments",
    r"\bkill_family\b": "kill_tree",
    r"\b[Ss]urvey(s|ed)?\b": "fan_out",
    r"(?<![Tt]here )\b(is|are) (no|none) (?!(longer|more)\b)[A-Za-z]": "is not a …",
    r"\bnone that\b": "none of those that, or not one",
    r"\bwho calls\b": "the caller",
}
FOLDERS = (
    "services", "deploy", "tools", "sandbox", "bench", "docs", "protos", "tests", "README.md",
    "Makefile",
)  # fmt: skip
# Files in which the words may stand, with the reason.
WITH_THE_WORDS = {
    "tests/conventions/test_names.py": "lists them",
    "tests/conventions/test_messages.py": "refuses them",
    "bench/results.md": "figures as they were measured",
}


# What is run beside the services may have their words for the same thing seen from outside.
@pytest.mark.parametrize(
    "folders", [("services",), ("deploy", "sandbox", "tools", "bench")], ids=lambda names: names[0]
)
def test_a_public_class_name_has_one_owner(folders: tuple[str, ...]) -> None:
    owners: dict[str, list[str]] = defaultdict(list)
    for path in files_below(*folders):
        if path.suffix == ".py":
            for name in public_classes(path):
                owners[name].append(str(path.relative_to(ROOT)))
    found = {
        name: paths
        for name, paths in sorted(owners.items())
        if len(paths) > 1
        and name not in ROLES
        and name not in SHARED
        and not name.endswith(ROLE_SUFFIXES)
    }
    assert not found, mending(
        found, "give one of them the name of what it is; SHARED holds what two may own, and why"
    )


def test_no_word_is_one_that_only_this_house_uses() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}  ({instead})"
        for path in files_below(*FOLDERS)
        if path.suffix in (".py", ".sql", ".md", ".proto", ".lua", "") and not _may_have_them(path)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        for word, instead in WORDS.items()
        if re.search(word, line)
    ]
    assert not found, mending(
        "\n".join(found),
        "use the field's word, in brackets here; docs/glossary.md has ours",
    )


def _may_have_them(path: object) -> bool:
    # Migrations are history: what was applied is not edited.
    return str(path).removeprefix(f"{ROOT}/") in WITH_THE_WORDS or "/migrations/" in str(path)
