"""JSON from outside: what the database would not take is refused by itself."""

import pytest

from services.sync.json_text import DEPTH_MAX, parse_json


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2.5, null, "b"]}', "[]", "7", '"é"', nested(DEPTH_MAX)]
)
def test_json_is_read(text: str) -> None:
    parse_json(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "not JSON"),
        ("", "not JSON"),
        (b"\xff", "not JSON"),
        ('{"a": NaN}', "not JSON"),
        ("[-Infinity]", "not JSON"),
        ('{"a": [1e999]}', "a number is too large"),
        ("9" * 5000, "not JSON"),
        (nested(DEPTH_MAX + 2), "nested too deep"),
        (nested(100_000), "not JSON"),
        ('{"a":' * (DEPTH_MAX + 2) + "1" + "}" * (DEPTH_MAX + 2), "nested too deep"),
    ],
)
def test_what_is_none_or_cannot_be_kept_is_refused_without_a_quote(
    text: str | bytes, reason: str
) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_json(text)
