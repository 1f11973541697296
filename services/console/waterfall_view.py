"""Draws a waterfall: a line for each bar on one time axis, its record below it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from services.console.records import record_lines
from services.console.terminal_text import duration_text, moment_text, printable
from services.console.waterfall import Bar, Gap, Waterfall

WORK: Final = "█"
WAIT: Final = "░"
MOMENT: Final = "▪"
GOING_ON: Final = "▸"
_TRACK_CELLS_MIN: Final = 10
_TRACK_CELLS_MAX: Final = 60
_NAME_CELLS_MAX: Final = 36
_RECORD_INDENT: Final = 4


def render_waterfall(waterfall: Waterfall) -> "WaterfallView":
    """The waterfall for `rich`'s `Console.print`; it takes the width that the console has."""
    return WaterfallView(waterfall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Widths in cells."""

    service: int
    name: int
    track: int
    offset: int
    duration: int
    outcome: int


class WaterfallView:
    """A waterfall that `rich` can print."""

    def __init__(self, waterfall: Waterfall) -> None:
        self._waterfall = waterfall

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from header(self._waterfall)
        if self._waterfall.bars:
            columns = fit(self._waterfall, options.max_width)
            yield axis(self._waterfall.total_ms, columns)
            for bar in self._waterfall.bars:
                yield bar_line(bar, self._waterfall.total_ms, columns)
                for line in record_lines(bar.entry):
                    text = Text(printable(line), style="dim")
                    yield Padding(
                        text, (0, 0, 0, columns.service + 1 + _RECORD_INDENT), expand=False
                    )
        yield from gap_lines(self._waterfall.gaps)


def header(waterfall: Waterfall) -> Iterator[Text]:
    """Which trace, since when, how long, and every id that leads further."""
    title = Text.assemble("trace ", (waterfall.trace_id, "bold"))
    if waterfall.started_at is None:
        yield title.append("  nothing is known of it", "yellow")
        return
    title.append(f"  {moment_text(waterfall.started_at)}")
    title.append(f"  {duration_text(waterfall.total_ms)}", "bold")
    if waterfall.is_open:
        title.append("  and going on", "yellow")
    yield title
    for name, values in waterfall.ids.items():
        yield Text.assemble((f"{printable(name)} ", "dim"), printable(", ".join(values)))


def axis(total_ms: float, columns: Columns) -> Text:
    """The head of the columns, with both ends of the time axis over the bars."""
    end = duration_text(total_ms)
    line = f"{'service':<{columns.service}} {'what':<{columns.name}} "
    line += f"0{end:>{columns.track - 1}} "
    line += f"{'at':>{columns.offset}} {'took':>{columns.duration}} outcome"
    return Text(line, style="dim underline", no_wrap=True, overflow="ellipsis")


def bar_line(bar: Bar, total_ms: float, columns: Columns) -> Text:
    """One bar: service, name, track, offset, duration, outcome."""
    entry = bar.entry
    style = "yellow" if entry.waiting else "cyan"
    took = "" if is_moment(bar) else duration_text(bar.duration_ms)
    return Text.assemble(
        f"{_cut(entry.service, columns.service)} {_cut(label(bar), columns.name)} ",
        (track(bar, total_ms, columns.track), style),
        f" {'+' + duration_text(bar.offset_ms):>{columns.offset}} {took:>{columns.duration}} ",
        (printable(entry.outcome), "bold" if not entry.waiting else ""),
        no_wrap=True,
        overflow="ellipsis",
    )


def label(bar: Bar) -> str:
    """The bar's name, with the try it was where there were several."""
    number = f" #{bar.entry.attempt}" if bar.entry.attempt > 1 else ""
    return bar.entry.name + number


def is_moment(bar: Bar) -> bool:
    """Whether it happened at once and is over."""
    return bar.duration_ms == 0 and not bar.is_open


def track(bar: Bar, total_ms: float, cells: int) -> str:
    """The bar on its time axis of so many cells: work, a wait, a moment; open ones point on."""
    start, length = span(bar.offset_ms, bar.duration_ms, total_ms, cells)
    if is_moment(bar):
        drawn = MOMENT
    else:
        drawn = (WAIT if bar.entry.waiting else WORK) * length
        if bar.is_open:
            drawn = drawn[:-1] + GOING_ON
    return " " * start + drawn + " " * (cells - start - len(drawn))


def span(offset_ms: float, duration_ms: float, total_ms: float, cells: int) -> tuple[int, int]:
    """First cell and number of cells; every bar is seen, none leaves the axis."""
    if total_ms <= 0:
        return 0, 1
    start = min(int(offset_ms / total_ms * cells), cells - 1)
    end = round((offset_ms + duration_ms) / total_ms * cells)
    return start, min(max(end - start, 1), cells - start)


def fit(waterfall: Waterfall, width: int) -> Columns:
    """Column widths for a console of that width; the track takes what the others leave."""
    bars = waterfall.bars
    service = max(len(bar.entry.service) for bar in bars)
    name = min(max(len(label(bar)) for bar in bars), _NAME_CELLS_MAX)
    offset = max(len(duration_text(bar.offset_ms)) for bar in bars) + 1
    duration = max(len(duration_text(bar.duration_ms)) for bar in bars)
    outcome = max(len(bar.entry.outcome) for bar in bars)
    left = width - (service + name + offset + duration + outcome + 5)
    return Columns(
        service=max(service, len("service")),
        name=name,
        track=max(_TRACK_CELLS_MIN, min(left, _TRACK_CELLS_MAX)),
        offset=offset,
        duration=duration,
        outcome=outcome,
    )


def gap_lines(gaps: tuple[Gap, ...]) -> Iterator[Text]:
    """What is missing, said plainly."""
    for gap in gaps:
        yield Text.assemble(
            (f"the part of {gap.service} is missing: ", "bold red"), printable(gap.problem)
        )


def _cut(text: str, cells: int) -> str:
    text = printable(text)
    return f"{text[: cells - 1]}…" if len(text) > cells else f"{text:<{cells}}"
