"""One function a file, with its contract on top; SQL in those files and nowhere else."""

import ast
import re
from pathlib import Path

import pytest

from services.chassis.migrate import CHASSIS, SERVICES, schemas
from tests.conventions.schemas import (
    FunctionFile,
    calls_in,
    function_files,
    functions_of,
    mending,
    modules_of,
    store_files,
)

CREATES = re.compile(r"^create or replace function (\w+)\s*\(", re.MULTILINE)
SQL = re.compile(
    r"\b(select\s.+\sfrom|select\s+\w+\(|insert\s+into|update\s+\w+\s+set|delete\s+from"
    r"|create\s+(table|function|index|role)|alter\s+table|drop\s+(table|function|schema))\b",
    re.IGNORECASE | re.DOTALL,
)
# These two are the database's own: how functions are called, and how schemas come about.
SPEAK_SQL = {
    SERVICES / "chassis" / "database.py",
    *(SERVICES / "chassis" / "migrate").glob("*.py"),
}


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_a_file_holds_the_function_of_its_name_under_its_contract(file: FunctionFile) -> None:
    created = CREATES.findall(file.text)
    assert created == [file.name], mending(
        created, f"{file}: one `create or replace function {file.name}` and no other"
    )
    contract = file.contract
    assert contract.startswith("--"), mending(
        contract[:80], f"{file}: begin with a comment: what it does, returns, raises"
    )
    assert len(contract.split()) >= 6, mending(contract, f"{file}: say more than its name does")
    assert "set search_path from current" in file.text, mending(
        file.name, f"{file}: add `set search_path from current`"
    )


# What these leave out is not looked up in a table.
MADE_IN_MEMORY = {"list_free_ranges", "list_slots"}


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_a_list_is_planned_for_what_is_asked_of_it(file: FunctionFile) -> None:
    code = re.sub(r"--.*", "", file.text)
    if not file.name.startswith("list_") or file.name in MADE_IN_MEMORY:
        return
    leaves_out = re.findall(r"p_\w+ is null or", code)
    assert not leaves_out or "set plan_cache_mode = force_custom_plan" in code, mending(
        leaves_out,
        f"{file}: a plan for any arguments reads all that they may leave out; add"
        " `set plan_cache_mode = force_custom_plan`",
    )


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_a_contract_names_every_refusal(file: FunctionFile) -> None:
    raised = set(re.findall(r"perform refuse\((\d+)", file.text))
    contract = file.contract
    missing = {number for number in raised if f"WB{int(number):03d}" not in contract}
    assert not missing, mending(missing, f"{file}: name each SQLSTATE WBnnn with its reason on top")


@pytest.mark.parametrize("file", function_files(), ids=str)
def test_a_function_of_tenants_sets_the_tenant_or_says_that_its_caller_has(
    file: FunctionFile,
) -> None:
    code = re.sub(r"--.*", "", file.text)
    if (
        not re.search(r"\(\s*(p_\w+ \w+(\[\])?,\s*)?p_org_ids? ", code)
        or "security definer" in code
    ):
        return
    contract = " ".join(file.text.split("create or replace", 1)[0].replace("--", "").split())
    calls_batch_form = re.search(r"\b\w+s\(\s*array\[", code)
    calls_newer_form = re.search(rf"\b{file.name}_v\d+\(\s*p_org_ids?\b", code)
    assert (
        "set_tenant(" in code
        or calls_batch_form
        or calls_newer_form
        or re.search(r"ha(s|ve) set the tenant", contract)
        or file.name in HELPERS
    ), mending(
        file.name,
        f"{file}: `perform set_tenant(…)` first, or say on top that the caller has set the tenant",
    )


# Part of `begin_request`'s bargain: it runs inside a function that has set the tenant.
HELPERS = {"begin_request", "finish_request"}


def sql_files() -> list[Path]:
    folders = [CHASSIS, *[schema.folder for schema in schemas()]]
    return [path for folder in folders for path in sorted(folder.rglob("*.sql"))]


@pytest.mark.parametrize("path", sql_files(), ids=lambda p: str(p.relative_to(SERVICES)))
def test_sql_is_lower_case_and_asks_for_no_extension(path: Path) -> None:
    code = re.sub(r"--.*|'(?:[^']|'')*'", "", path.read_text())
    shouted = re.findall(
        r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|WHERE|FROM|JOIN|BEGIN|END)\b", code
    )
    assert not shouted, mending(shouted, f"{path.name}: write SQL in lower case")
    if path.name == "extensions.sql":
        # Applied by the role that migrates; of what PostgreSQL itself ships.
        code = code.replace("create extension if not exists btree_gist", "")
    assert not re.search(r"create extension|create type .* as enum|pgp_|digest\(", code), mending(
        path.name, "no extension, no enum: SQL runs on PostgreSQL 15 to 18 as it is"
    )


def names_of_schema(path: Path) -> bool:
    """Whether the file names a schema of ours; the search path does that."""
    code = re.sub(r"--.*|'(?:[^']|'')*'", "", path.read_text())
    return any(re.search(rf"\b{schema.name}\.\w", code) for schema in schemas())


@pytest.mark.parametrize("path", sql_files(), ids=lambda p: str(p.relative_to(SERVICES)))
def test_sql_names_no_schema(path: Path) -> None:
    assert not names_of_schema(path), mending(
        path.name, "write names without a schema: the search path names it"
    )


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
def test_stores_call_functions_that_exist_and_nothing_else_calls_any(schema: object) -> None:
    service = getattr(schema, "name", "")
    stores = store_files(service)
    called = {name for path in stores for name in calls_in(ast.parse(path.read_text()))}
    assert called
    unknown = called - functions_of(service)
    assert not unknown, mending(unknown, f"add services/{service}/schema/functions/<name>.sql")
    elsewhere = {
        str(path.relative_to(SERVICES)): names
        for path in modules_of(service)
        if path not in stores and (names := calls_in(ast.parse(path.read_text())))
    }
    assert not elsewhere, mending(elsewhere, "only modules of store/ talk to the database")


def test_every_function_is_called_by_something() -> None:
    everything = "\n".join(
        [path.read_text() for path in sorted(SERVICES.rglob("*.py"))]
        + [path.read_text() for path in sql_files()]
    )
    found = []
    for file in function_files():
        uses = len(re.findall(rf"\b{file.name}\b", everything))
        in_own_file = len(re.findall(rf"\b{file.name}\b", file.text))
        if uses <= in_own_file and file.name not in PUBLIC | KEPT_ONE_RELEASE:
            found.append(str(file))
    assert not found, mending(found, "delete the function, or call it")


# Old names that the release before still calls; each goes a release later.
KEPT_ONE_RELEASE = {"enter"}
# Single forms that the schema promises to people who call it directly; tests hold them.
PUBLIC = {
    "acquire_routing_lock",
    "check_cross_partner_duplicate",
    "complete_routing",
    "fail_routing",
    "create_lead_with_conversation",
    "upsert_lead_source",
    "complete_delivery_and_consume_credit",
}


def sql_in(path: Path) -> list[str]:
    """Text constants that look like SQL; docstrings speak English and are left out."""
    tree = ast.parse(path.read_text())
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value[:60]
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in docstrings
        and SQL.search(node.value)
    ]


def test_no_module_holds_sql() -> None:
    found = {
        str(path.relative_to(SERVICES)): texts
        for path in sorted(SERVICES.rglob("*.py"))
        if path not in SPEAK_SQL and (texts := sql_in(path))
    }
    assert not found, mending(found, "make it a stored function and call that")
