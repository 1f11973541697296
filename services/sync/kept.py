"""What Meta answered, as it may be kept: without tokens, and no deeper than a row can hold."""

import math
import re
from typing import Any, Final

from services.sync.interactions import storable

DEPTH_MAX: Final = 64
EXCERPT_CHARACTERS_MAX: Final = 2_000
# The addresses in it hold the token.
_LEFT_OUT: Final = frozenset({"paging", "access_token"})
_INTEGERS: Final = range(-(2**63), 2**63)
_TOKEN: Final = re.compile(r"""(access_token\W{1,9})[^&"'\\\s]+""", re.IGNORECASE)


def kept(value: Any, depth: int = 0) -> Any:
    """The JSON value without `paging`, at any depth.

    Numbers that JSON cannot hold, or no 64 bits, become text; what lies too deep is left out.
    """
    if depth >= DEPTH_MAX and isinstance(value, dict | list):
        return None
    if isinstance(value, dict):
        return {
            name: kept(each, depth + 1) for name, each in value.items() if name not in _LEFT_OUT
        }
    if isinstance(value, list):
        return [kept(each, depth + 1) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value not in _INTEGERS:
        return str(value)
    return without_tokens(value) if isinstance(value, str) else value


def without_tokens(text: str) -> str:
    """The text with every `access_token=…` blackened."""
    return _TOKEN.sub(r"\1…", text)


def excerpt(body: bytes) -> dict[str, str]:
    """The beginning of an answer that is no JSON, or not what was asked for."""
    text = storable(body[: 4 * EXCERPT_CHARACTERS_MAX].decode("utf-8", "replace"))
    return {"excerpt": without_tokens(text)[:EXCERPT_CHARACTERS_MAX]}
