"""The first bytes of an answer's body, unpacked, with a bound on what unpacking may produce."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

# zlib finds out by itself whether the data are gzip or zlib ("deflate") when told 32 + 15.
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_PACKING_BYTES_MAX: Final = 1024
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})


async def read_excerpt(
    chunks: AsyncIterator[bytes], content_encoding: str, bytes_max: int
) -> tuple[bytes, bool]:
    """The body's first `bytes_max` bytes, and whether there is more that was not read.

    gzip and deflate are unpacked, never further than the bound; other encodings are kept as they
    came. A body that does not unpack counts as truncated where it breaks. The caller closes the
    connection of a truncated answer.
    """
    excerpt = bytearray()
    received_bytes = 0
    unpack = _Unpacker(content_encoding)
    async for chunk in chunks:
        received_bytes += len(chunk)
        try:
            excerpt += unpack(chunk, bytes_max + 1 - len(excerpt))
        except zlib.error:
            return bytes(excerpt[:bytes_max]), True
        # Packed data may also go on for ever without unpacking to anything.
        if len(excerpt) > bytes_max or received_bytes > 2 * bytes_max + _PACKING_BYTES_MAX:
            return bytes(excerpt[:bytes_max]), True
    return bytes(excerpt), unpack.cut_short


class _Unpacker:
    def __init__(self, content_encoding: str) -> None:
        packed = content_encoding.strip().lower() in _PACKED
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB) if packed else None
        self._began = False

    def __call__(self, chunk: bytes, bytes_max: int) -> bytes:
        self._began = True
        if self._zlib is None:
            return chunk[:bytes_max]
        # What follows the end mark would be hoarded by zlib.
        return b"" if self._zlib.eof else self._zlib.decompress(chunk, bytes_max)

    @property
    def cut_short(self) -> bool:
        """Whether the packed data ended before their end mark; an empty body has none."""
        return self._zlib is not None and self._began and not self._zlib.eof
