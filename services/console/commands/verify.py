"""`waybill verify`: the consistency check of all services."""

from collections.abc import Sequence

import typer
from rich.text import Text

from services.console.calls import with_client
from services.console.client import TIMEOUT_SECONDS
from services.console.command_groups import epilog
from services.console.consistency import to_json
from services.console.consistency_check import check_consistency
from services.console.consistency_view import render_report
from services.console.failures import ExitCode
from services.console.options import AsJson, Timeout
from services.console.output import err, out, print_json


def verify(timeout: Timeout = TIMEOUT_SECONDS, as_json: AsJson = False) -> None:
    """Check the rows of every service, and totals across services (operator).

    Each equation is shown with ✓ or ✗ and the rows that break it. Totals of two services that
    differ are read again a few times before they count as broken, because leads pass between them
    meanwhile. Rows that a service handed over without settling them yet, as after a crash, are
    "in flight" while their lease is held, and explain as much of a difference: read again. The exit
    code is 0 when everything holds but for those, 1 when something does not, 3 when all that could
    be checked holds and a service gave no answer.
    """
    report = with_client(
        lambda client: check_consistency(client, on_wait=_report_wait),
        timeout_seconds=timeout,
        what="checking consistency",
    )
    if as_json:
        print_json(to_json(report))
    else:
        out().print(render_report(report))
    if not report.holds:
        raise typer.Exit(ExitCode.UNREACHABLE if report.is_unknown else ExitCode.REFUSED)


def _report_wait(services: Sequence[str], seconds: float) -> None:
    what = f"totals of {' and '.join(services)} differ: reading them again in {seconds:g} s"
    err().print(Text(what))


def add_to(to: typer.Typer) -> None:
    """Adds the command."""
    to.command("verify", epilog=epilog(("waybill verify", "waybill verify --json")))(verify)
