"""Prints answers: tables and fields for people, protobuf JSON for programs."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console, RenderableType
from rich.text import Text

from services.console.tables import NamedValues, Rows
from services.console.terminal_text import moment_text, printable

# Wide enough that a row is one line when the output goes into a file or a pipe.
_PIPE_CELLS: Final = 10_000
_NOTHING: Final = "-"


def out() -> Console:
    """Standard output."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error: progress, hints and failures."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    fits = stream.isatty() or "COLUMNS" in os.environ
    return Console(stderr=stderr, width=None if fits else _PIPE_CELLS, highlight=False)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object, its keys in a stable order; only ASCII, so it cannot control a terminal."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True))


def to_dict(message: Message) -> dict[str, Any]:
    """As protobuf JSON with the names of the proto, fields at their defaults too."""
    return MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def show(message: Message, *, as_json: bool) -> None:
    """One answer: its fields, and a table for each list in it."""
    if as_json:
        print_json(to_dict(message))
        return
    console = out()
    for part in parts_of(message):
        console.print(part, crop=False)


def show_list(
    answer: Message, rows: Sequence[Message], columns: Sequence[str], *, as_json: bool
) -> None:
    """A part of a list, or all of it: the columns named, and how to read on."""
    if as_json:
        print_json(to_dict(answer))
        return
    out().print(table_of(rows, columns) if rows else Text("none"), crop=False)
    token = getattr(answer, "next_page_token", "")
    if token:
        err().print(Text(f"more: --page-token {token}, or --all"), soft_wrap=True)


def parts_of(message: Message) -> Iterator[RenderableType]:
    """The message's fields (those of messages in it too), then its lists as tables."""
    lists: list[tuple[str, list[Message]]] = []
    yield NamedValues(list(_fields(message, lists)))
    for name, rows in lists:
        yield Text(name, style="bold")
        yield table_of(rows, [field.name for field in rows[0].DESCRIPTOR.fields])


def _fields(message: Message, lists: list[tuple[str, list[Message]]]) -> Iterator[tuple[str, str]]:
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if not _is_message(field):
            yield field.name, text_of(value)
        elif isinstance(value, Struct):
            yield field.name, text_of(value) if message.HasField(field.name) else _NOTHING
        elif field.is_repeated:
            if value:
                lists.append((field.name, list(value)))
        elif isinstance(value, Timestamp):
            yield field.name, text_of(value) if message.HasField(field.name) else _NOTHING
        elif message.HasField(field.name):
            yield from _fields(value, lists)


def table_of(rows: Sequence[Message], columns: Sequence[str]) -> Rows:
    """The rows with the columns named; long values are folded, never cut, and ids neither."""
    return Rows(columns, [[_cell(row, column) for column in columns] for row in rows])


def _cell(row: Message, column: str) -> str:
    field = row.DESCRIPTOR.fields_by_name[column]
    if field.has_presence and not row.HasField(column):
        return _NOTHING
    return text_of(getattr(row, column))


def text_of(value: Any) -> str:
    """A field's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return printable(value) or _NOTHING
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Timestamp):
        return moment_text(value.ToDatetime(UTC))
    if isinstance(value, Struct):
        return _pairs(MessageToDict(value))
    if isinstance(value, Mapping):
        return _pairs(value)
    if isinstance(value, Message):
        return " ".join(f"{name}={text}" for name, text in _fields(value, []) if text != _NOTHING)
    return "; ".join(text_of(each) for each in value) or _NOTHING


def _pairs(values: Mapping[str, Any]) -> str:
    return (
        " ".join(f"{printable(name)}={_plain(values[name])}" for name in sorted(values)) or _NOTHING
    )


def _plain(value: Any) -> str:
    """A value of JSON: whole numbers without a fraction, what is nested as JSON."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _is_message(field: Any) -> bool:
    return field.message_type is not None and not field.message_type.GetOptions().map_entry
