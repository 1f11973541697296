"""Texts cut so that they fit: a caller can do nothing with an answer that is too large to arrive.

Sizes are those that gRPC's percent-encoding makes of a text in a header, so they are never smaller
than UTF-8's.
"""

from collections.abc import Sequence
from typing import Final

_ELLIPSIS: Final = "…"
_AS_THEY_ARE: Final = bytes(byte for byte in range(0x20, 0x7F) if byte != ord("%"))


def encoded_bytes(text: str) -> int:
    """The bytes of the text in a header."""
    data = text.encode(errors="replace")
    return len(data) + 2 * len(data.translate(None, _AS_THEY_ARE))


def cut(text: str, bytes_max: int) -> str:
    """The text; its beginning and an ellipsis where all of it would have more bytes."""
    if len(text) <= bytes_max and encoded_bytes(text) <= bytes_max:
        return text
    left = bytes_max - encoded_bytes(_ELLIPSIS)
    for index, character in enumerate(text):
        left -= encoded_bytes(character)
        if left < 0:
            return text[:index] + _ELLIPSIS if bytes_max >= encoded_bytes(_ELLIPSIS) else ""
    return text


def cut_to_fit(texts: Sequence[str], bytes_max: int) -> list[str]:
    """The texts, the longest of them cut to one length so that all together fit."""
    left, share = bytes_max, bytes_max
    for rank, size in enumerate(sorted(map(encoded_bytes, texts))):
        share = left // (len(texts) - rank)
        if size > share:
            return [cut(text, share) for text in texts]
        left -= size
    return list(texts)
