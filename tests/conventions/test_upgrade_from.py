"""What services of the release before call is still there, as they call it.

tests/system/upgrade_from names the commit whose services may run beside this tree's schema: each
stored function that its stores call keeps its arguments (names, types, order, defaults) and what
it returns. Another signature is a `_v2` beside it: an added argument, with a default too, would
make an overload, between which an old call cannot choose.
"""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from services.chassis.migrate import CHASSIS, SERVICES, Schema, schemas
from tests.conventions.schemas import mending

ROOT = SERVICES.parent
COMMIT = (ROOT / "tests" / "system" / "upgrade_from").read_text().strip()
CALLS = re.compile(r"\.(?:rows|row|value)\(\s*\"(\w+)\"")
HEAD = re.compile(
    r"create or replace function \w+\s*\((?P<arguments>.*?)\)\s*returns(?P<returns>.*?)\s*language",
    re.DOTALL,
)


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def files_of_then(folder: Path, ending: str) -> list[str]:
    listed = git("ls-tree", "-r", "--name-only", COMMIT, "--", str(folder.relative_to(ROOT)))
    return [name for name in listed.splitlines() if name.endswith(ending)]


@cache
def head(text: str) -> tuple[list[str], str]:
    """Arguments and what is returned, without comments and line breaks."""
    found = HEAD.search(re.sub(r"--.*", "", text))
    assert found, text[:200]
    arguments = re.split(r",\s*(?=p_)", " ".join(found["arguments"].split()))
    return [each for each in arguments if each], " ".join(found["returns"].split())


def functions_then(service: str) -> dict[str, str]:
    """The stored functions that the service's stores and the chassis called, by name."""
    folders = (CHASSIS, Schema(name=service).folder)
    texts = {
        Path(name).stem: name
        for folder in folders
        for name in files_of_then(folder / "functions", ".sql")
    }
    modules = [
        *files_of_then(SERVICES / service / "store", ".py"),
        *files_of_then(SERVICES / "chassis", ".py"),
    ]
    called = {name for path in modules for name in CALLS.findall(git("show", f"{COMMIT}:{path}"))}
    return {name: git("show", f"{COMMIT}:{texts[name]}") for name in sorted(called & set(texts))}


def functions_now(service: str) -> dict[str, str]:
    folders = (CHASSIS, Schema(name=service).folder)
    return {
        path.stem: path.read_text()
        for folder in folders
        for path in (folder / "functions").rglob("*.sql")
    }


@pytest.mark.parametrize("service", [schema.name for schema in schemas()])
def test_what_the_release_before_calls_is_still_there(service: str) -> None:
    if not git("cat-file", "-t", COMMIT):
        pytest.skip(
            f"this clone does not have commit {COMMIT}, which tests/system/upgrade_from names"
        )
    then, now = functions_then(service), functions_now(service)
    assert then
    changed = []
    for name, text in then.items():
        if name not in now:
            changed.append(f"{name} is gone")
        elif head(text) != head(now[name]):
            changed.append(f"{name} has another signature")
    assert not changed, mending(
        changed, "keep the function as it was, thin, and put the new one into a file `…_v2.sql`"
    )
