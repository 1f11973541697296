"""Every command: its help, its options, its failures."""

import shlex
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from services.console.__main__ import application
from services.console.commands.trace import EXAMPLES

APP = application()
CLI = CliRunner()
ID = "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f"
NOUNS = {
    "org": {"create"},
    "app": {"register", "retire-secrets"},
    "source": {"create", "update", "list"},
    "lead": {"create", "show", "list", "routing"},
    "item": {"list", "replay"},
    "orphan": {"list", "replay"},
    "workspace": {"create", "show", "list"},
    "rule": {"create", "update", "list"},
    "endpoint": {"create", "list", "enable", "disable", "rotate-secret"},
    "credits": {"grant", "balance", "entries"},
    "offer": {"show", "list", "advance"},
    "delivery": {"show", "list", "redeliver", "complete"},
    "calendar": {
        "create",
        "list",
        "availability",
        "book",
        "cancel",
        "move",
        "show",
        "appointments",
    },
    "sync": {"start", "resume", "status", "locks"},
    "migrate": {"up", "down", "status"},
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its full name: ("lead create", …)."""
    root: Any = typer.main.get_command(APP)
    for name, command in root.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {verb}", each) for verb, each in command.commands.items())
        else:
            yield name, command


COMMANDS = dict(commands())
CALLING = [name for name in COMMANDS if not name.startswith("migrate ")]
LISTS = [name for name in COMMANDS if name.endswith((" list", " entries"))]


def test_every_noun_has_its_verbs() -> None:
    expected = {f"{noun} {verb}" for noun, verbs in NOUNS.items() for verb in verbs}
    assert set(COMMANDS) == expected | {"trace", "verify"}


def options_of(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json_where_asked(name: str) -> None:
    assert "--json" in options_of(name), f"give `waybill {name}` the parameter `as_json: AsJson`"


@pytest.mark.parametrize("name", CALLING)
def test_every_call_has_a_timeout_that_can_be_set(name: str) -> None:
    assert "--timeout" in options_of(name), (
        f"give `waybill {name}` the parameter `timeout: Timeout`"
    )


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_pages(name: str) -> None:
    assert {"--page-size", "--page-token", "--all"} <= options_of(name), (
        f"give `waybill {name}` the parameters page_size, page_token and read_all"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples(name: str) -> None:
    said = CLI.invoke(APP, [*name.split(), "--help"])
    assert said.exit_code == 0
    assert f"Examples:\n    waybill {name}" in said.stdout, (
        f"declare `waybill {name}` with `@command(…, example, …)` of command_groups.py"
    )


def examples() -> Iterator[tuple[str, str]]:
    for name, command in COMMANDS.items():
        for line in (command.epilog or "").splitlines():
            if "waybill " in line:
                yield name, line[line.index("waybill ") :]


@pytest.mark.parametrize(("name", "example"), list(examples()))
def test_every_example_is_one_that_the_command_takes(name: str, example: str) -> None:
    words = shlex.split(example)
    path = name.split()
    assert words[1 : 1 + len(path)] == path
    COMMANDS[name].make_context(name, words[1 + len(path) :])


def test_the_help_of_trace_shows_every_example() -> None:
    said = CLI.invoke(APP, ["trace", "--help"]).stdout
    assert all(example in said for example in EXAMPLES)


def test_help_names_every_exit_code() -> None:
    said = CLI.invoke(APP, ["--help"]).stdout
    for code, meaning in ((0, "done"), (1, "refused"), (2, "usage"), (3, "unreachable")):
        assert f"{code}  {meaning}" in said


@pytest.mark.parametrize("name", ["", *NOUNS, *COMMANDS])
def test_every_command_has_its_help_by_h(name: str) -> None:
    said = CLI.invoke(APP, [*name.split(), "-h"])
    assert said.exit_code == 0
    assert said.stdout == CLI.invoke(APP, [*name.split(), "--help"]).stdout


def test_the_version_is_told() -> None:
    said = CLI.invoke(APP, ["--version"])
    assert (said.exit_code, said.stdout) == (0, f"waybill {version('waybill')}\n")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INGEST_ADDRESS", "ROUTING_ADDRESS", "DELIVERY_ADDRESS", "TOKEN",
                 "SERVICE_TOKEN", "DATABASE_URL", "ORG_ID", "META_APP_SECRET",
                 "META_VERIFY_TOKEN", "META_ACCESS_TOKEN"):  # fmt: skip
        monkeypatch.delenv(f"WAYBILL_{name}", raising=False)


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (["lead", "list"], "WAYBILL_INGEST_ADDRESS"),
        (["rule", "list"], "WAYBILL_ROUTING_ADDRESS"),
        (["credits", "balance", ID], "WAYBILL_DELIVERY_ADDRESS"),
        (["trace", "a" * 32], "WAYBILL_INGEST_ADDRESS"),
        (["verify"], "WAYBILL_INGEST_ADDRESS"),
        (["migrate", "status"], "WAYBILL_DATABASE_URL"),
    ],
)
def test_a_missing_variable_is_one_sentence_that_says_what_to_do(
    arguments: list[str], variable: str
) -> None:
    said = CLI.invoke(APP, arguments)
    assert said.exit_code == 2
    assert said.stdout == ""
    assert said.stderr.startswith(f"error: {variable} is not set: run `make run`")
    assert "source .waybill/env" in said.stderr
    assert said.stderr.count("\n") == 1


def test_a_missing_token_is_named_as_the_identity_that_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAYBILL_INGEST_ADDRESS", "127.0.0.1:1")
    assert "WAYBILL_TOKEN is not set" in CLI.invoke(APP, ["lead", "list"]).stderr
    said = CLI.invoke(APP, ["org", "create", "Acme", "--region", "DE"])
    assert "WAYBILL_SERVICE_TOKEN is not set" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trace"], "name one thing to look by"),
        (["trace", "a" * 32, "--lead", ID], "name one thing to look by"),
        (["trace", "--phone", "+49", "--email", "a@example.com"], "name one thing to look by"),
    ],
)
def test_trace_looks_by_exactly_one_thing(arguments: list[str], sentence: str) -> None:
    said = CLI.invoke(APP, arguments)
    assert said.exit_code == 2
    assert sentence in said.stderr


def test_a_malformed_trace_id_is_refused_before_anybody_is_asked() -> None:
    said = CLI.invoke(APP, ["trace", "12345"])
    assert said.exit_code == 2
    assert "32 hex digits" in said.stderr


def test_data_is_not_taken_down_without_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    # A URL that cannot be reached: asking for --yes must come first.
    monkeypatch.setenv("WAYBILL_DATABASE_URL", "postgres://127.0.0.1:1/nowhere")
    said = CLI.invoke(APP, ["migrate", "down", "routing"])
    assert said.exit_code == 2
    assert "loses all data of routing. Repeat it with --yes" in said.stderr


def test_a_service_without_a_schema_cannot_be_migrated() -> None:
    said = CLI.invoke(APP, ["migrate", "up", "console"])
    assert said.exit_code == 2
    assert "console is not a service with a schema" in said.stderr


def test_a_database_that_is_not_there_is_said_without_its_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAYBILL_DATABASE_URL", "postgres://admin:hush@127.0.0.1:1/nowhere")
    said = CLI.invoke(APP, ["migrate", "up", "routing"])
    assert said.exit_code == 3
    assert "routing: the database answered:" in said.stderr
    assert "hush" not in said.output


def test_a_secret_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYBILL_INGEST_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("WAYBILL_SERVICE_TOKEN", "hush-token")
    monkeypatch.setenv("WAYBILL_META_APP_SECRET", "hush-env")
    register = ["app", "register", "1", "--verify-token", "hush-plain"]
    help_text = CLI.invoke(APP, ["app", "register", "--help"]).output
    assert "hush" not in CLI.invoke(APP, register).output + help_text
