"""`waybill migrate`: the services' schemas, by an administrator's database URL."""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

import asyncpg
import typer
from rich.text import Text

from services.chassis.migrate import (
    MigrationFailedError,
    Schema,
    down,
    plan,
    schemas,
    status,
    step_back,
    up,
)
from services.console.calls import run
from services.console.command_groups import command, group
from services.console.failures import ConsoleError, UnreachableError, WrongUsageError
from services.console.options import AsJson
from services.console.output import err, out, print_json
from services.console.settings import migrate_url
from services.console.terminal_text import printable

Step = Callable[[Schema, str], Awaitable[Any]]
Service = Annotated[
    str, typer.Argument(metavar="[SERVICE]", help="Only this service's schema; default: all.")
]

migrations = group(
    "migrate",
    "The services' schemas, by WAYBILL_DATABASE_URL or WAYBILL_<SERVICE>_MIGRATE_URL"
    " (an administrator's, not a service's own).",
)


@command(migrations, "up", "waybill migrate up", "waybill migrate up ingest --dry-run")
def migrate_up(
    service: Service = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would run, and run nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring schemas to their newest state, under traffic too; safe to repeat."""
    if dry_run:
        _report_plans(run(_each(chosen(service), plan), "reading"), as_json)
        return
    names = run(_each(chosen(service), up), "migrating")
    _report_done("migrated", list(names), as_json)


@command(
    migrations,
    "down",
    "waybill migrate down routing --to 0011 --yes",
    "waybill migrate down routing --yes",
)
def migrate_down(
    service: Service = "",
    to: Annotated[
        str,
        typer.Option(metavar="VERSION", help="Only one step back: the version before the newest."),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: their data is lost.")] = False,
    as_json: AsJson = False,
) -> None:
    """Roll back all migrations of the schemas, or one with --to. Their data is lost."""
    if to and not service:
        raise WrongUsageError("--to is a version of one service: name the service too.")
    wanted = chosen(service)
    if not yes:
        names = ", ".join(schema.name for schema in wanted)
        raise WrongUsageError(f"This loses all data of {names}. Repeat it with --yes to do it.")
    step = partial(step_back, version=to) if to else down
    names_done = run(_each(wanted[::-1], step), "rolling back")
    _report_done("taken_back", list(names_done), as_json)


@command(migrations, "status", "waybill migrate status", "waybill migrate status delivery --json")
def migrate_status(service: Service = "", as_json: AsJson = False) -> None:
    """Show which migrations are applied or pending, and functions left by older releases."""
    results = run(_each(chosen(service), status), "reading")
    statuses = {name: to_status(text) for name, text in results.items()}
    if as_json:
        print_json({"schemas": statuses})
        return
    for name, each in statuses.items():
        out().print(Text(name, style="bold"))
        for state in ("applied", "pending", "left"):
            for migration in each[state]:
                out().print(Text(f"  {state:<8} {migration}"))


def chosen(service: str) -> list[Schema]:
    """The schema of that service, or all. Raises ConsoleError for a service without a schema."""
    known = schemas()
    if not service:
        return known
    found = [schema for schema in known if schema.name == service]
    if not found:
        names = ", ".join(schema.name for schema in known)
        raise WrongUsageError(f"{service} is not a service with a schema: name one of {names}.")
    return found


async def _each(wanted: list[Schema], step: Step) -> dict[str, Any]:
    """The step's result for each schema, one after the other."""
    results: dict[str, Any] = {}
    for schema in wanted:
        results[schema.name] = await _step(schema, step)
        if step not in (status, plan):
            err().print(Text(f"{schema.name}: done"))
    return results


async def _step(schema: Schema, step: Step) -> Any:
    url = migrate_url(os.environ, schema.name)
    try:
        return await step(schema, url)
    except MigrationFailedError as error:
        raise ConsoleError(str(error)) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # Without the URL: it may hold a password.
        kind = UnreachableError if _is_outage(error) else ConsoleError
        raise kind(f"{schema.name}: the database answered: {error}") from None


def _is_outage(error: Exception) -> bool:
    """Whether the database could not be reached, rather than refused."""
    return isinstance(
        error,
        OSError
        | asyncpg.InterfaceError
        | asyncpg.PostgresConnectionError
        | asyncpg.CannotConnectNowError,
    )


def to_status(text: str) -> dict[str, list[str]]:
    """Applied and pending migrations, and what is left, from lines like `[X] 0001_name.sql`."""
    lines = [printable(line.strip()) for line in text.splitlines()]
    return {
        "applied": [line.removeprefix("[X] ") for line in lines if line.startswith("[X] ")],
        "pending": [line.removeprefix("[ ] ") for line in lines if line.startswith("[ ] ")],
        "left": [line.removeprefix("[-] ") for line in lines if line.startswith("[-] ")],
    }


def _report_plans(plans: dict[str, list[str]], as_json: bool) -> None:
    if as_json:
        print_json({"would_run": plans})
        return
    for name, steps in plans.items():
        for step in steps or ["nothing"]:
            out().print(Text(f"{name}: {step}"))


def _report_done(what: str, names: list[str], as_json: bool) -> None:
    if as_json:
        print_json({what: names})
