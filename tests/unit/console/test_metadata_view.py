"""Metadata of a refusal, as a person reads it."""

from collections.abc import Mapping
from io import StringIO

import pytest
from rich.console import Console

from services.console.metadata_view import metadata_parts, parse_list

ID = "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f"


def lines_of(metadata: Mapping[str, str], cells: int = 80) -> list[str]:
    console = Console(file=StringIO(), width=cells, highlight=False)
    for part in metadata_parts(metadata):
        console.print(part, crop=False)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.strip() for line in text.splitlines() if line.strip(" ─")]


def test_a_taken_slot_shows_what_is_in_the_way_and_what_is_free() -> None:
    start, end = "2027-01-05T08:00:00+00:00", "2027-01-05T09:00:00+00:00"
    lines = lines_of(
        {
            "next_slots": f'["{end}", "2027-01-05T09:15:00+00:00"]',
            "calendar_id": ID,
            "conflicts": f'[{{"end": "{end}", "start": "{start}"}}]',
            "lock_rejected": "false",
        }
    )
    assert lines == [
        f"calendar_id: {ID}",
        "lock_rejected: false",
        "next_slots:",
        end,
        "2027-01-05T09:15:00+00:00",
        "conflicts:",
        "start                       end",
        f"{start}   {end}",
    ]


def test_a_closed_slot_shows_its_cause_and_that_nothing_is_free() -> None:
    assert lines_of({"cause": "hours", "next_slots": "[]"}) == ["cause: hours", "next_slots: none"]


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("[30, 60]", [30, 60]),
        (f"{{{ID},{ID}}}", [ID, ID]),
        ("{}", []),
        ('{"a": 1}', None),
        ("hours", None),
        ("7", None),
        ("[unclosed", None),
    ],
)
def test_lists_are_those_of_json_and_of_postgresql(value: str, items: list[object] | None) -> None:
    assert parse_list(value) == items


def test_metadata_cannot_steer_the_terminal() -> None:
    said = "".join(lines_of({"problem": "\x1b]0;x\x07", "items": '["\\u001b[2J"]'}))
    assert not {"\x1b", "\x07"} & set(said)
