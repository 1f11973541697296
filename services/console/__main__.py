"""`waybill`, the operator's command line: what it is made of."""

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

GROUPS = (
    orgs, apps, sources, leads, items, orphans, workspaces, rules, endpoints, credit_commands,
    offers, deliveries, calendars, syncs, migrations,
)  # fmt: skip


def application() -> typer.Typer:
    """All commands."""
    app = typer.Typer(
        cls=FailingGroup,
        help="Calls Waybill's services, with addresses and tokens from the environment:"
        " `make run`, then `source .waybill/env`.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        # A trace of a crash with local variables would show secrets.
        pretty_exceptions_enable=False,
    )
    for commands in GROUPS:
        app.add_typer(commands)
    trace.add_to(app)
    verify.add_to(app)
    return app


def main() -> None:
    """Runs the command that the arguments name."""
    application()(prog_name="waybill")


if __name__ == "__main__":
    main()
