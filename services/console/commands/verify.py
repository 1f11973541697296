"""`waybill verify`: do the books add up?"""

from collections.abc import Sequence

import typer
from rich.text import Text

from services.console.books import to_json
from services.console.books_view import render_verdict
from services.console.client import TIMEOUT_SECONDS
from services.console.grouping import epilog
from services.console.options import AsJson, Timeout
from services.console.output import err, out, print_json
from services.console.running import with_client
from services.console.verifying import verify as verify_books


def verify(timeout: Timeout = TIMEOUT_SECONDS, as_json: AsJson = False) -> None:
    """Add up the books of every service and across them (operator).

    Each equation is shown with ✓ or ✗ and the rows that break it. Totals of two services that
    differ are read again a few times before they count as broken, because leads pass between them
    meanwhile. The exit code is 0 when everything holds and every service could be asked, else 1.
    """
    verdict = with_client(
        lambda client: verify_books(client, on_wait=_say_wait),
        timeout_seconds=timeout,
        what="adding up the books",
    )
    if as_json:
        print_json(to_json(verdict))
    else:
        out().print(render_verdict(verdict))
    if not verdict.holds:
        raise typer.Exit(1)


def _say_wait(services: Sequence[str], seconds: float) -> None:
    what = f"totals of {' and '.join(services)} differ: reading them again in {seconds:g} s"
    err().print(Text(what))


def add_to(to: typer.Typer) -> None:
    """Adds the command."""
    to.command("verify", epilog=epilog(("waybill verify", "waybill verify --json")))(verify)
