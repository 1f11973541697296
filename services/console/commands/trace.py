"""`waybill trace`: what happened to a lead, as one waterfall over all services."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from services.chassis.trace import is_trace_id
from services.console.client import TIMEOUT_SECONDS, Client
from services.console.failures import ConsoleError
from services.console.grouping import epilog
from services.console.options import AsJson, PageSize, Timeout
from services.console.output import err, out, print_json
from services.console.running import with_client
from services.console.settings import Identity, from_environment
from services.console.text import moment_text, printable
from services.console.tracing import Found, Search, Summary, fetch_trace, find_traces
from services.console.waterfall import Gap, Waterfall, gaps_to_json, to_json
from services.console.waterfall_view import gap_lines, render_waterfall

EXAMPLES: Final = (
    "waybill trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "waybill trace --lead 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f",
    "waybill trace --phone '+49 151 12345678' --all",
    "waybill trace --external-id wamid.HBgL --json",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What a search led to: the traces found, and the waterfalls that were fetched."""

    found: Found
    waterfalls: tuple[Waterfall, ...]

    @property
    def known(self) -> tuple[Waterfall, ...]:
        """Those that some service knows."""
        return tuple(waterfall for waterfall in self.waterfalls if waterfall.bars)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Services that could not be asked, each once."""
        gaps = [*self.found.gaps, *(gap for each in self.waterfalls for gap in each.gaps)]
        return tuple({gap.service: gap for gap in gaps}.values())


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
            help="Ask with WAYBILL_SERVICE_TOKEN, over all orgs: by trace, lead or webhook.",
        ),
    ] = False,
    timeout: Timeout = TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Show what happened to a lead, as one waterfall over all services.

    It is made from their rows, so it needs no live telemetry. Waits are drawn in ░, work in █, a
    moment as ▪, and ▸ ends what still goes on. With several traces found the newest is drawn below
    the list. The exit code is 1 where nothing was found. Without WAYBILL_TOKEN the operator's token
    is used.
    """
    given = {
        "lead_id": lead_id,
        "phone": phone,
        "email": email,
        "external_id": external_id,
        "webhook_id": webhook_id,
        "workspace_id": workspace_id,
    }
    searches = [Search(kind=kind, value=value) for kind, value in given.items() if value]
    if len(searches) + (trace_id is not None) != 1:
        raise typer.BadParameter(
            "name one thing to look by: a trace id, or one option such as --lead"
        )
    identity = Identity.OPERATOR if operator else default_identity()
    traced = with_client(
        lambda client: (
            _by_id(client, trace_id, identity)
            if trace_id is not None
            else _by_search(client, searches[0], identity, page_size, all_traces)
        ),
        timeout_seconds=timeout,
        what="asking every service for the trace",
    )
    sought = f"trace {trace_id}" if trace_id is not None else _said(searches[0])
    if as_json:
        print_json(traced_to_json(traced))
    else:
        _draw(traced)
    if not traced.known:
        raise ConsoleError(*nothing_found(sought, traced.gaps))


def default_identity() -> Identity:
    """The tenant, or the operator where only its token is there."""
    tokens = from_environment(os.environ).tokens
    only_operator = tokens[Identity.OPERATOR] and not tokens[Identity.TENANT]
    return Identity.OPERATOR if only_operator else Identity.TENANT


async def _by_id(client: Client, trace_id: str, identity: Identity) -> Traced:
    trace_id = trace_id.strip().lower()
    if not is_trace_id(trace_id):
        raise ConsoleError("A trace id is 32 hex digits, not all of them zero.")
    waterfall = await fetch_trace(client, trace_id, identity=identity)
    return Traced(found=Found(summaries=(), next_page_tokens={}), waterfalls=(waterfall,))


async def _by_search(
    client: Client, search: Search, identity: Identity, page_size: int, all_traces: bool
) -> Traced:
    found = await find_traces(
        client, search, identity=identity, page_size=page_size, all_pages=all_traces
    )
    wanted = found.summaries if all_traces else found.summaries[:1]
    waterfalls = [await fetch_trace(client, each.trace_id, identity=identity) for each in wanted]
    return Traced(found=found, waterfalls=tuple(waterfalls))


def _said(search: Search) -> str:
    return f"{search.kind.removesuffix('_id').replace('_', ' ')} {search.value}"


def nothing_found(sought: str, gaps: Sequence[Gap]) -> Iterator[str]:
    """What was searched for, and who could not be asked."""
    yield f"Nothing was found for {sought}."
    for gap in gaps:
        yield f"{gap.service} could not be asked: {gap.problem}"
    if not gaps:
        yield "Every service was asked. Does the token belong to the org that has it?"


def _draw(traced: Traced) -> None:
    console = out()
    summaries = traced.found.summaries
    if len(summaries) > 1:
        console.print(summary_table(summaries))
    if traced.found.next_page_tokens:
        err().print(Text("There are older ones too: --all draws every one."))
    for waterfall in traced.known:
        console.print(render_waterfall(waterfall))
    drawn = {gap for waterfall in traced.known for gap in waterfall.gaps}
    for line in gap_lines(tuple(gap for gap in traced.gaps if gap not in drawn)):
        console.print(line)


def summary_table(summaries: Sequence[Summary]) -> Table:
    """The traces found, newest first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("trace_id", "began", "with", "key", "known to"):
        table.add_column(column, overflow="fold")
    for each in summaries:
        cells = (
            each.trace_id, moment_text(each.started_at), each.kind, each.key,
            ", ".join(each.services),
        )  # fmt: skip
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def traced_to_json(traced: Traced) -> dict[str, Any]:
    """`found` (empty where a trace id was given), `waterfalls` and `missing` services."""
    return {
        "found": [
            {
                "trace_id": each.trace_id,
                "start_time": each.started_at.isoformat(),
                "kind": each.kind,
                "key": each.key,
                "services": list(each.services),
            }
            for each in traced.found.summaries
        ],
        "waterfalls": [to_json(waterfall) for waterfall in traced.known],
        "missing": gaps_to_json(traced.gaps),
    }


def add_to(to: typer.Typer) -> None:
    """Adds the command."""
    to.command("trace", epilog=epilog(EXAMPLES))(trace)
