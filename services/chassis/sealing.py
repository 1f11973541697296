"""Secrets at rest: AES-256-GCM under a versioned key ring, bound to the row they belong to.

The associated data are the table, the row's key and the org, so a sealed value that is copied into
another row, table or tenant does not open there. A key is replaced by adding a version to the ring
and making it current: old values still open, and `needs_resealing` finds them.

A sealed value is: 1 byte format (1), 4 bytes key version, 12 bytes random nonce, then ciphertext
and the 16-byte tag. A random nonce is safe for 2^32 values under one key version (NIST SP 800-38D).

The ring's file is JSON, readable by its owner only:

    {"current": 2, "keys": {"1": "<32 bytes in base64>", "2": "<32 bytes in base64>"}}
"""

import base64
import binascii
import json
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
FORMAT: Final = 1
_HEADER: Final = struct.Struct(">BI")
_VERSION_MAX: Final = 2**32 - 1


class KeyRingInvalid(Exception):
    """The key ring cannot be used; the message says which rule it breaks and holds no key."""


class SealBroken(Exception):
    """The value does not open: other row, other key, or changed bytes. Holds no secret text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """AES-256 keys by version (1 to 2^32 - 1), and the version that new values are sealed with.

    Raises `KeyRingInvalid` when made from anything else.
    """

    current: int
    keys: Mapping[int, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise KeyRingInvalid("the current key version is not among the keys")
        if not all(1 <= version <= _VERSION_MAX for version in self.keys):
            raise KeyRingInvalid("a key version is not a number from 1 to 2^32 - 1")
        if not all(len(key) == KEY_BYTES for key in self.keys.values()):
            raise KeyRingInvalid(f"a key is not {KEY_BYTES} bytes long")


def load_key_ring(path: Path) -> KeyRing:
    """Read the ring from its file.

    Raises `KeyRingInvalid` when the file cannot be read, is open to group or others, or does not
    hold a ring.
    """
    try:
        return _parse_key_ring(_read_private(path))
    except OSError as fault:
        raise KeyRingInvalid(f"{path} cannot be read: {fault.strerror}") from None
    except KeyRingInvalid as fault:
        raise KeyRingInvalid(f"{path}: {fault}") from None


def seal(ring: KeyRing, plaintext: bytes, *, table: str, key: str, org_id: UUID | None) -> bytes:
    """Encrypt for one row; `org_id` is None only for rows that belong to no org."""
    header = _HEADER.pack(FORMAT, ring.current)
    nonce = os.urandom(NONCE_BYTES)
    bound_to = _associated_data(header, table, key, org_id)
    return header + nonce + AESGCM(ring.keys[ring.current]).encrypt(nonce, plaintext, bound_to)


def unseal(ring: KeyRing, sealed: bytes, *, table: str, key: str, org_id: UUID | None) -> bytes:
    """Decrypt what `seal` made for the same table, key and org. Raises `SealBroken`."""
    version = key_version(sealed)
    if version not in ring.keys:
        raise SealBroken(f"sealed with key version {version}, which the key ring does not hold")
    header, nonce, ciphertext = (
        sealed[: _HEADER.size],
        sealed[_HEADER.size : _HEADER.size + NONCE_BYTES],
        sealed[_HEADER.size + NONCE_BYTES :],
    )
    bound_to = _associated_data(header, table, key, org_id)
    try:
        return AESGCM(ring.keys[version]).decrypt(nonce, ciphertext, bound_to)
    except InvalidTag:
        raise SealBroken(
            f"a sealed value of {table} does not open: it was made for another row or with"
            f" another key of version {version}, or it was changed"
        ) from None


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column whose texts are sealed, each to its row; rows of no org have the org None."""

    ring: KeyRing
    _: KW_ONLY
    table: str
    column: str

    def seal(self, org_id: UUID | None, key: object, text: str) -> bytes:
        """The text as the row with that key holds it."""
        return seal(self.ring, text.encode(), table=self.table, key=str(key), org_id=org_id)

    def open(self, org_id: UUID | None, key: object, sealed: bytes) -> str:
        """The text in the row. Raises `SealBroken` for another row's, or one changed since."""
        try:
            opened = unseal(self.ring, sealed, table=self.table, key=str(key), org_id=org_id)
        except SealBroken as broken:
            raise SealBroken(f"{self.table}.{self.column}: {broken}") from None
        return opened.decode()


def key_version(sealed: bytes) -> int:
    """The version of the key that sealed the value. Raises `SealBroken` for anything else."""
    if len(sealed) < _HEADER.size + NONCE_BYTES + TAG_BYTES:
        raise SealBroken("too short to be a sealed value")
    sealed_format, version = _HEADER.unpack_from(sealed)
    if sealed_format != FORMAT:
        raise SealBroken(f"sealed in format {sealed_format}; this program knows {FORMAT}")
    return int(version)


def needs_resealing(ring: KeyRing, sealed: bytes) -> bool:
    """Whether the value was sealed with a key that is no longer the current one."""
    return key_version(sealed) != ring.current


def _associated_data(header: bytes, table: str, key: str, org_id: UUID | None) -> bytes:
    parts = (header, table.encode(), key.encode(), org_id.bytes if org_id else b"")
    # Each part with its length: ("ab", "c") and ("a", "bc") must not be the same data.
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _read_private(path: Path) -> bytes:
    with path.open("rb") as file:
        # The opened file is asked, not the path, which may name another file by now.
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise KeyRingInvalid(f"mode is {mode:04o}, group and others must have no access (0600)")
        return file.read()


def _parse_key_ring(text: bytes) -> KeyRing:
    try:
        ring = json.loads(text)
        keys = {_parse_version(version): _parse_key(key) for version, key in ring["keys"].items()}
        current = ring["current"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # The cause would quote the file, and with it the keys.
        raise KeyRingInvalid(
            'not a key ring: {"current": 1, "keys": {"1": "<32 bytes in base64>"}} is expected'
        ) from None
    if not isinstance(current, int) or isinstance(current, bool):
        raise KeyRingInvalid("the current key version is not a number")
    return KeyRing(current=current, keys=keys)


def _parse_version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or text.startswith("0"):
        raise ValueError("not a key version")
    return int(text)


def _parse_key(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
