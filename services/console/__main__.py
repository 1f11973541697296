"""`waybill`, the operator's command line: what it is made of."""

import errno
import io
import os
import sys
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated, Final

import typer

from services.console.command_groups import FailingGroup
from services.console.commands import trace, verify
from services.console.commands.app import apps
from services.console.commands.calendar import calendars
from services.console.commands.credits import credit_commands
from services.console.commands.delivery import deliveries
from services.console.commands.endpoint import endpoints
from services.console.commands.item import items
from services.console.commands.lead import leads
from services.console.commands.migrate import migrations
from services.console.commands.offer import offers
from services.console.commands.org import orgs
from services.console.commands.orphan import orphans
from services.console.commands.rule import rules
from services.console.commands.source import sources
from services.console.commands.sync import syncs
from services.console.commands.workspace import workspaces
from services.console.failures import EXIT_CODES, ExitCode

GROUPS = (
    orgs, apps, sources, leads, items, orphans, workspaces, rules, endpoints, credit_commands,
    offers, deliveries, calendars, syncs, migrations,
)  # fmt: skip


# Their file descriptors.
_STDOUT: Final = 1
_STDERR: Final = 2

EPILOG: Final = "\b\nExit codes:\n" + "\n".join(
    f"  {code.value}  {meaning}" for code, meaning in EXIT_CODES.items()
)


def application() -> typer.Typer:
    """All commands."""
    app = typer.Typer(
        cls=FailingGroup,
        callback=options,
        help="Calls Waybill's services, with addresses and tokens from the environment:"
        " `make run`, then `source .waybill/env`.",
        epilog=EPILOG,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        # A trace of a crash with local variables would show secrets.
        pretty_exceptions_enable=False,
    )
    for commands in GROUPS:
        app.add_typer(commands)
    trace.add_to(app)
    verify.add_to(app)
    return app


def say_version(wanted: bool) -> None:
    """Says the version and ends, where it is asked for."""
    if wanted:
        typer.echo(f"waybill {version('waybill')}")
        raise typer.Exit


def options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=say_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options before any command."""


def main() -> None:
    """Runs the command that the arguments name."""
    # None where the shell closed them: `>&-`.
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    try:
        try:
            application()(prog_name="waybill")
        finally:
            sys.stdout.flush()
    except OSError as error:
        end_without_output(error)


def end_without_output(error: OSError) -> None:
    """Ends with one line where the output cannot be written; without one where nobody reads it."""
    if error.errno != errno.EPIPE:
        with suppress(OSError):
            sys.stderr.write(f"error: the output cannot be written: {error.strerror or error}\n")
    # What is still buffered would fail again when Python ends.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (_STDOUT, _STDERR):
        os.dup2(nowhere, stream)
    sys.exit(ExitCode.REFUSED)


if __name__ == "__main__":
    main()
