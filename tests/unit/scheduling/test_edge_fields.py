"""Fields of scheduling's requests."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from services.scheduling.edge.fields import SchedulingFields


def parsed(**values: Any) -> tuple[dict[str, Any], list[str]]:
    """The JSON object, and what is wrong with it."""
    fields, struct = SchedulingFields(), Struct()
    struct.update(values)
    value = fields.json("metadata", struct)
    return value, [violation.description for violation in fields.violations]


@pytest.mark.parametrize("text", [r"\u0000", r"\\u0000", r"a\u0000b", "u0000"])
def test_the_characters_of_an_escaped_nul_are_text_like_any_other(text: str) -> None:
    value = {"note": text, text: [text, {"deep": text}]}
    assert parsed(**value) == (value, [])


@pytest.mark.parametrize(
    "value", [{"note": "\0"}, {"a\0": 1}, {"list": [1, {"deep": "x\0"}]}, {"list": [["\0"]]}]
)
def test_a_nul_character_is_refused_wherever_it_stands(value: dict[str, Any]) -> None:
    assert parsed(**value)[1] == ["has a NUL character"]
