"""Opaque page tokens for lists (AIP-158): where the next page starts, and in which list.

A token is URL-safe base64 without padding of JSON `[version, scope, [key, …]]`, the keys being the
last row's sort key in text form. The scope names the list and its filters, so that a token is not
continued in another list. A token is not a secret and not a permission: the query it continues is
checked and limited to its tenant like the first one.
"""

import base64
import binascii
from typing import Final

import msgspec

VERSION: Final = 1
TOKEN_CHARACTERS_MAX: Final = 2048
REFUSED_TEXT: Final = (
    "The page token is not one of this list. Send page_token from the answer before, with the"
    " same filters, or leave it empty to start at the first page."
)


def encode(keys: tuple[str, ...], *, scope: str) -> str:
    """The token of the page that starts after the row with these sort keys.

    Raises `ValueError` when the token would be longer than `TOKEN_CHARACTERS_MAX`.
    """
    text = msgspec.json.encode((VERSION, scope, keys))
    token = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise ValueError(f"a page token has at most {TOKEN_CHARACTERS_MAX} characters")
    return token


def decode(token: str, *, scope: str) -> tuple[str, ...]:
    """The sort keys in the token. Raises `ValueError` with a fixed text for anything else."""
    try:
        version, token_scope, keys = _parse(token)
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise ValueError(REFUSED_TEXT) from None
    if (version, token_scope) != (VERSION, scope):
        raise ValueError(REFUSED_TEXT)
    return keys


def page_size(requested: int, *, default: int = 50, maximum: int = 500) -> int:
    """How many rows to answer with: the default for 0, never more than the maximum.

    Raises `ValueError`, fit for a violation, for a negative size: AIP-158 wants it refused.
    """
    if requested < 0:
        raise ValueError("is negative; must be 0 for the default size, or more")
    return min(requested or default, maximum)


def _parse(token: str) -> tuple[int, str, tuple[str, ...]]:
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise ValueError("too long")
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("not base64") from None
    return msgspec.json.decode(text, type=tuple[int, str, tuple[str, ...]])
