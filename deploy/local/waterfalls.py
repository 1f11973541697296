"""Shows the traces of a sample, as `waybill trace` shows them."""

from collections.abc import Mapping

from rich.console import Console

from services.console.client import Client
from services.console.settings import from_environment
from services.console.trace_queries import TraceSearch, fetch_trace, find_traces, render_waterfall


async def show_traces(
    console: Console, kind: str, value: str, environment: Mapping[str, str]
) -> None:
    """Prints the newest trace of what a sample left, found and merged over all services."""
    async with Client(from_environment(environment)) as client:
        found = await find_traces(client, TraceSearch(kind=kind, value=value))
        for summary in found.summaries[:1]:
            console.print(render_waterfall(await fetch_trace(client, summary.trace_id)))
