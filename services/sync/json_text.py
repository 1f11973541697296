"""JSON from outside, as far as everything behind takes it.

Python reads more than the database stores: numbers that are none, and lists in lists in lists until
some function further down runs out of stack. What is refused here fails alone.
"""

import json
import math
from typing import Any, Final, NoReturn

DEPTH_MAX: Final = 100


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, which quotes nothing of it."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    _check(value)
    return value


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a number of JSON's")


def _check(value: Any) -> None:
    """Level by level: no depth of the value is a depth of ours."""
    level, depth = [value], 0
    while level:
        if depth > DEPTH_MAX:
            raise ValueError("nested too deep")
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            raise ValueError("a number is too large")
        level = [child for each in level for child in _children(each)]
        depth += 1


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
