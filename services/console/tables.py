"""Tables that never fold an id: other columns give way, and where they cannot a row is a card."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

_COLUMN_CELLS_MIN: Final = 10
_ID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Rows:
    """Rows under their columns, as a table or, where that is too wide, a card each."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._columns = columns
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = fit(self._columns, self._rows, options.max_width)
        if widths is None:
            yield from self._cards()
        else:
            yield self._table(widths)

    def _table(self, widths: Sequence[int]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column, width in zip(self._columns, widths, strict=True):
            table.add_column(column, overflow="fold", width=width)
        for row in self._rows:
            table.add_row(*(Text(cell) for cell in row))
        return table

    def _cards(self) -> Iterator[RenderableType]:
        for place, row in enumerate(self._rows):
            if place:
                yield Text()
            yield NamedValues(list(zip(self._columns, row, strict=True)))


class NamedValues:
    """Names with their values, which stand below them where an id would not fit beside its name."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields = fields

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        name_cells = max((cell_len(name) for name, _ in self._fields), default=0)
        value_cells = options.max_width - name_cells - 2
        if value_cells >= max((id_cells(*field) for field in self._fields), default=0):
            yield self._beside(name_cells)
        else:
            yield from self._below()

    def _beside(self, name_cells: int) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim", no_wrap=True, width=name_cells)
        table.add_column(overflow="fold")
        for name, value in self._fields:
            table.add_row(name, Text(value))
        return table

    def _below(self) -> Iterator[Text]:
        for name, value in self._fields:
            yield Text(name, style="dim")
            yield Text(f"  {value}", no_wrap=True, overflow="ignore")


def fit(
    columns: Sequence[str], rows: Sequence[Sequence[str]], cells_max: int
) -> tuple[int, ...] | None:
    """The columns' widths in a table of so many cells, or None where no id would stay whole."""
    widths, least = [], []
    for place, column in enumerate(columns):
        cells = [row[place] for row in rows]
        widest = max(map(cell_len, (column, *cells)))
        ids = max((id_cells(column, cell) for cell in cells), default=0)
        widths.append(widest)
        least.append(max(cell_len(column), ids, min(widest, _COLUMN_CELLS_MIN)))
    # Both edges, and between two columns a space on each side of another.
    left = cells_max - (3 * len(columns) - 1)
    if sum(least) > left:
        return None
    while sum(widths) > left:
        _, place = max((w, i) for i, w in enumerate(widths) if w > least[i])
        widths[place] -= 1
    return tuple(widths)


def id_cells(name: str, value: str) -> int:
    """How many cells a value needs so that no id in it is folded."""
    named = name in ("id", "key") or name.endswith(("_id", "_ids"))
    return max((cell_len(word) for word in value.split() if named or _ID.search(word)), default=0)
