"""`waybill migrate`: the services' schemas, by an administrator's database URL."""

import os
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import asyncpg
import typer
from rich.text import Text

from services.chassis.migrate import MigrationFailedError, Schema, down, schemas, status, up
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


@command(migrations, "up", "waybill migrate up", "waybill migrate up ingest")
def migrate_up(service: Service = "", as_json: AsJson = False) -> None:
    """Bring schemas to their newest state; safe to repeat."""
    names = run(_each(chosen(service), up), "migrating")
    _report_done("migrated", list(names), as_json)


@command(migrations, "down", "waybill migrate down routing --yes")
def migrate_down(
    service: Service = "",
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: their data is lost.")] = False,
    as_json: AsJson = False,
) -> None:
    """Roll back all migrations of the schemas. Their data is lost."""
    wanted = chosen(service)
    if not yes:
        names = ", ".join(schema.name for schema in wanted)
        raise WrongUsageError(f"This loses all data of {names}. Repeat it with --yes to do it.")
    names_done = run(_each(wanted[::-1], down), "rolling back")
    _report_done("taken_back", list(names_done), as_json)


@command(migrations, "status", "waybill migrate status", "waybill migrate status delivery --json")
def migrate_status(service: Service = "", as_json: AsJson = False) -> None:
    """Show which migrations are applied and which are pending."""
    results = run(_each(chosen(service), status), "reading")
    statuses = {name: to_status(text) for name, text in results.items()}
    if as_json:
        print_json({"schemas": statuses})
        return
    for name, each in statuses.items():
        out().print(Text(name, style="bold"))
        for state in ("applied", "pending"):
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
        if step is not status:
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
    """Applied and pending migrations, from dbmate's `[X] 0001_name.sql` lines."""
    lines = [printable(line.strip()) for line in text.splitlines()]
    return {
        "applied": [line.removeprefix("[X] ") for line in lines if line.startswith("[X] ")],
        "pending": [line.removeprefix("[ ] ") for line in lines if line.startswith("[ ] ")],
    }


def _report_done(what: str, names: list[str], as_json: bool) -> None:
    if as_json:
        print_json({what: names})
