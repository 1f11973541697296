"""A stored function fits a screen, bears one name through all layers, and has a test of it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.state import ROOT
from services.chassis.migrate import RUNS_AS_SYSTEM, SERVICES, schemas
from tests.conventions.schemas import (
    FunctionFile,
    calls_in,
    function_files,
    functions_of,
    mending,
    store_files,
)

LINES_MAX = 120
CONTRACT_LINES_MAX = 5
TESTED_BY = re.compile(r"^-- tested by: (test_\w+\.py)$", re.MULTILINE)
CALLS = re.compile(r"# calls (\w+): \S+")
# Lines on top that are marks, not sentences of the contract.
MARKS = ("-- runs as:", "-- tested by:")


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_a_function_fits_a_screen(file: FunctionFile) -> None:
    lines = len(file.text.splitlines())
    assert lines <= LINES_MAX, mending(
        f"{lines} lines", f"{file}: name its steps as helpers in functions/internal/"
    )


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_a_function_runs_as_system_exactly_where_it_says_so(file: FunctionFile) -> None:
    code = re.sub(r"--.*", "", file.text)
    is_definer = "security definer" in code
    assert file.text.startswith(RUNS_AS_SYSTEM) is is_definer, mending(
        file.text.split("\n", 1)[0],
        f"{file}: the first line of a security definer function, and of no other, is"
        f" `{RUNS_AS_SYSTEM.strip()}`",
    )


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_a_long_contract_is_a_list(file: FunctionFile) -> None:
    lines = [line for line in file.contract.splitlines() if not line.startswith(MARKS)]
    items = [line for line in lines if re.match(r"--\s+- ", line)]
    assert len(lines) <= CONTRACT_LINES_MAX or len(items) > 1, mending(
        f"{len(lines)} lines",
        f"{file}: a sentence on what it does, then `--   - returns …`, `--   - raises …`",
    )


@pytest.mark.parametrize(
    "file", [file for file in function_files() if not file.is_internal], ids=str
)
def test_a_function_has_a_test_file_of_its_name(file: FunctionFile) -> None:
    folder = ROOT / "tests" / "schema" / file.package
    named = TESTED_BY.search(file.contract)
    wanted = folder / (named.group(1) if named else f"test_{file.name}.py")
    assert wanted.exists(), mending(
        wanted.relative_to(ROOT),
        f"{file}: write the test file of its name; where it only makes sense with another function,"
        " a line on top: `-- tested by: test_<other>.py`",
    )


def methods_of(path: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Each public method of the classes: its name, its text, and the functions that it calls."""
    text = path.read_text()
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for method in node.body:
            if isinstance(method, ast.AsyncFunctionDef) and not method.name.startswith("_"):
                body = "\n".join(lines[method.lineno - 1 : method.end_lineno])
                yield method.name, body, calls_in(method)


@pytest.mark.parametrize("service", [schema.name for schema in schemas()])
def test_a_method_of_a_store_bears_the_name_of_its_function(service: str) -> None:
    known = functions_of(service)
    found = []
    for path in store_files(service):
        for name, text, called in methods_of(path):
            marked = set(CALLS.findall(text))
            unknown = marked - known
            if unknown:
                found.append(f"{path.relative_to(SERVICES)}: {name} marks {sorted(unknown)}")
            if called - {name} - marked or (not called and name not in known and not marked):
                found.append(f"{path.relative_to(SERVICES)}: {name} calls {sorted(called)}")
    assert not found, mending(
        "\n".join(found),
        "name the method as its function; where it must differ, a comment inside the method:"
        " `# calls <function>: <why>`",
    )
