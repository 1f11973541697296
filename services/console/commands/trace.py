"""`waybill trace`: what happened to a lead, as one waterfall over all services."""

import os
from typing import Annotated, Final

import typer
from rich.text import Text

from services.console.calls import with_client
from services.console.client import TIMEOUT_SECONDS
from services.console.command_groups import epilog
from services.console.options import AsJson, PageSize, Timeout
from services.console.output import err, out, print_json
from services.console.settings import Credential, from_environment
from services.console.trace_queries import TraceSearch
from services.console.trace_result import (
    TraceResult,
    by_id,
    by_search,
    in_words,
    nothing_found,
    result_to_json,
    summary_table,
)
from services.console.waterfall_view import gap_lines, render_waterfall

EXAMPLES: Final = (
    "waybill trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "waybill trace --lead 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f",
    "waybill trace --phone '+49 151 12345678' --all",
    "waybill trace --external-id wamid.HBgL --json",
)


def trace(
    trace_id: Annotated[
        str | None, typer.Argument(help="A trace: 32 hex digits.", show_default=False)
    ] = None,
    lead_id: Annotated[str, typer.Option("--lead", help="A lead: a UUID.")] = "",
    phone: Annotated[str, typer.Option(help="A person's phone, with its country code.")] = "",
    email: Annotated[str, typer.Option(help="A person's e-mail.")] = "",
    external_id: Annotated[str, typer.Option(help="The provider's id: leadgen id, wamid.")] = "",
    webhook_id: Annotated[
        str, typer.Option("--webhook", help="A raw webhook or an item of one: a UUID.")
    ] = "",
    workspace_id: Annotated[str, typer.Option("--workspace", help="A buyer: a UUID.")] = "",
    all_traces: Annotated[bool, typer.Option("--all", help="Draw every trace found.")] = False,
    page_size: PageSize = 0,
    operator: Annotated[
        bool,
        typer.Option(
            "--operator",
            help="Ask with WAYBILL_SERVICE_TOKEN, over all orgs: by trace, --lead, --webhook or"
            " --external-id.",
        ),
    ] = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show what happened to a lead, as one waterfall over all services.

    It is made from their rows, so it needs no live telemetry. Waits are drawn in ░, work in █, a
    moment as ▪, and ▸ ends what still goes on. With several traces found the newest is drawn below
    the list. The exit code is 1 where nothing was found, 3 where that is so and a service gave no
    answer. Without WAYBILL_TOKEN the operator's token is used.
    """
    given = {
        "lead_id": lead_id,
        "phone": phone,
        "email": email,
        "external_id": external_id,
        "webhook_id": webhook_id,
        "workspace_id": workspace_id,
    }
    searches = [TraceSearch(kind=kind, value=value) for kind, value in given.items() if value]
    if len(searches) + (trace_id is not None) != 1:
        raise typer.BadParameter(
            "name one thing to look by: a trace id, or one option such as --lead"
        )
    credential = Credential.OPERATOR if operator else default_identity()
    result = with_client(
        lambda client: (
            by_id(client, trace_id, credential)
            if trace_id is not None
            else by_search(client, searches[0], credential, page_size, all_traces)
        ),
        timeout_seconds=timeout,
        what="asking every service for the trace",
    )
    sought = f"trace {trace_id}" if trace_id is not None else in_words(searches[0])
    if as_json:
        print_json(result_to_json(result))
    elif result.known:
        _draw(result)
    if not result.known:
        raise nothing_found(sought, result.gaps)


def default_identity() -> Credential:
    """The tenant, or the operator where only its token is there."""
    tokens = from_environment(os.environ).tokens
    only_operator = tokens[Credential.OPERATOR] and not tokens[Credential.TENANT]
    return Credential.OPERATOR if only_operator else Credential.TENANT


def _draw(result: TraceResult) -> None:
    console = out()
    summaries = result.found.summaries
    if len(summaries) > 1:
        console.print(summary_table(summaries), crop=False)
    if result.found.next_page_tokens:
        err().print(Text("There are older ones too: --all draws every one."))
    for waterfall in result.known:
        console.print(render_waterfall(waterfall))
    drawn = {gap for waterfall in result.known for gap in waterfall.gaps}
    for line in gap_lines(tuple(gap for gap in result.gaps if gap not in drawn)):
        console.print(line)


def add_to(to: typer.Typer) -> None:
    """Adds the command."""
    to.command("trace", epilog=epilog(EXAMPLES))(trace)
