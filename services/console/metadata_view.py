"""What a refusal tells a program, for people: a value a line, a list as a table. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from services.console.tables import Rows
from services.console.terminal_text import printable

_INDENT_CELLS: Final = 2
# An array of PostgreSQL whose elements need no quotes: ids, numbers.
_ARRAY: Final = re.compile(r"\{([^{}\"\\\s]*)\}")


def metadata_parts(metadata: Mapping[str, str]) -> Iterator[RenderableType]:
    """Plain values first, then the lists."""
    lists = {name: parse_list(value) for name, value in metadata.items()}
    for name, value in metadata.items():
        if lists[name] is None:
            line = Text(f"  {printable(name)}: {printable(value)}", overflow="ignore", no_wrap=True)
            yield line
    for name, items in lists.items():
        if items is not None:
            yield Text(f"  {printable(name)}:{'' if items else ' none'}")
        if items:
            yield from list_parts(items)


def list_parts(items: Sequence[Any]) -> Iterator[RenderableType]:
    """A table with a column for each key where they are objects, else a line for each."""
    if not all(isinstance(item, dict) for item in items):
        for item in items:
            yield Text(f"    {_text(item)}", overflow="ignore", no_wrap=True)
        return
    # PostgreSQL sorts the keys of its JSON by length: `end` before `start`.
    names = dict.fromkeys(name for item in items for name in item)
    columns = sorted(names, key=lambda name: name == "end")
    rows = [[_text(item.get(column, "")) for column in columns] for item in items]
    yield Padding(
        Rows([printable(name) for name in columns], rows), (0, 0, 0, _INDENT_CELLS), expand=False
    )


def parse_list(value: str) -> list[Any] | None:
    """The list that the value is: JSON, or an array of PostgreSQL; None where it is none."""
    if array := _ARRAY.fullmatch(value):
        return [item for item in array[1].split(",") if item]
    try:
        items = json.loads(value)
    except ValueError:
        return None
    return items if isinstance(items, list) else None


def _text(value: Any) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
