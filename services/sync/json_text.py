"""JSON from outside, as far as everything behind takes it, and the hash of JSON.

Python reads more than the database stores: numbers that JSON does not have, and lists in lists in
lists until some function further down runs out of stack. What is refused here fails alone.
"""

import hashlib
import json
import math
from typing import Any, Final, NoReturn

DEPTH_MAX: Final = 100


def hash_of(value: Any) -> str:
    """SHA-256 of the value as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, which quotes nothing of it."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    _check(value)
    return value


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _check(value: Any) -> None:
    """Level by level, so that a deep value needs no deep stack."""
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
