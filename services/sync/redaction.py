"""What Meta sent, as rows may hold it: without tokens, and no deeper than a row can hold."""

import math
import re
from typing import Any, Final

from services.sync.meta_values import storable

DEPTH_MAX: Final = 64
EXCERPT_CHARACTERS_MAX: Final = 2_000
# The addresses in `paging` hold the token.
_SECRET_NAMES: Final = frozenset({"paging", "access_token"})
_INTEGERS: Final = range(-(2**63), 2**63)
_TOKEN: Final = re.compile(r"""(access_token\W{1,9})[^&"'\\\s]+""", re.IGNORECASE)


def redacted(value: Any, depth: int = 0) -> Any:
    """The JSON value without `paging` and tokens, at any depth.

    Numbers that JSON cannot hold or that need more than 64 bits become text; what lies too deep is
    left out.
    """
    if depth >= DEPTH_MAX and isinstance(value, dict | list):
        return None
    if isinstance(value, dict):
        return {
            name: redacted(each, depth + 1)
            for name, each in value.items()
            if name not in _SECRET_NAMES
        }
    if isinstance(value, list):
        return [redacted(each, depth + 1) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value not in _INTEGERS:
        return str(value)
    return without_tokens(value) if isinstance(value, str) else value


def without_tokens(text: str) -> str:
    """The text with every `access_token=…` replaced by `…`."""
    return _TOKEN.sub(r"\1…", text)


def redacted_excerpt(body: bytes) -> dict[str, str]:
    """The beginning of a response that is not JSON, or not what was requested."""
    text = storable(body[: 4 * EXCERPT_CHARACTERS_MAX].decode("utf-8", "replace"))
    return {"excerpt": without_tokens(text)[:EXCERPT_CHARACTERS_MAX]}
