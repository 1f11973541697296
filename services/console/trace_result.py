"""What a search for traces led to: fetched, in words and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.chassis.trace import is_trace_id
from services.console.client import Client
from services.console.failures import ConsoleError, UnreachableError, WrongUsageError
from services.console.settings import Credential
from services.console.tables import Rows
from services.console.terminal_text import moment_text, printable
from services.console.trace_queries import Found, Summary, TraceSearch, fetch_trace, find_traces
from services.console.waterfall import Gap, Waterfall, gaps_to_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceResult:
    """What a search found: the traces, and the waterfalls that were fetched."""

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


async def by_id(client: Client, trace_id: str, credential: Credential) -> TraceResult:
    """One trace. Raises ConsoleError where the id is malformed; else as `fetch_trace`."""
    trace_id = trace_id.strip().lower()
    if not is_trace_id(trace_id):
        raise WrongUsageError("A trace id has 32 hex digits, not all of them zero.")
    waterfall = await fetch_trace(client, trace_id, credential=credential)
    return TraceResult(found=Found(summaries=(), next_page_tokens={}), waterfalls=(waterfall,))


async def by_search(
    client: Client, search: TraceSearch, credential: Credential, page_size: int, all_traces: bool
) -> TraceResult:
    """The newest trace that the search finds, or all of them. Raises as `find_traces`."""
    found = await find_traces(
        client, search, credential=credential, page_size=page_size, read_all=all_traces
    )
    wanted = found.summaries if all_traces else found.summaries[:1]
    waterfalls = [
        await fetch_trace(client, each.trace_id, credential=credential) for each in wanted
    ]
    return TraceResult(found=found, waterfalls=tuple(waterfalls))


def in_words(search: TraceSearch) -> str:
    """`lead 01931f6e-…`."""
    return f"{search.kind.removesuffix('_id').replace('_', ' ')} {search.value}"


def nothing_found(sought: str, gaps: Sequence[Gap]) -> ConsoleError:
    """What was searched for, and which services could not be asked."""
    text = f"Nothing was found for {sought}."
    if not gaps:
        return ConsoleError(
            text, "Every service was asked. Does the token belong to the org that has it?"
        )
    lines = [f"{gap.service} could not be asked: {gap.problem}" for gap in gaps]
    # Where it may be with one that gave no answer, a later try may find it.
    kind = UnreachableError if any(gap.is_outage for gap in gaps) else ConsoleError
    return kind(text, *lines)


def result_to_json(result: TraceResult) -> dict[str, Any]:
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
            for each in result.found.summaries
        ],
        "waterfalls": [to_json(waterfall) for waterfall in result.known],
        "missing": gaps_to_json(result.gaps),
    }


def summary_table(summaries: Sequence[Summary]) -> Rows:
    """The traces found, newest first."""
    rows = [
        (
            each.trace_id, moment_text(each.started_at), each.kind, each.key,
            ", ".join(each.services),
        )
        for each in summaries
    ]  # fmt: skip
    return Rows(
        ("trace_id", "began", "with", "key", "known to"),
        [[printable(cell) for cell in row] for row in rows],
    )
