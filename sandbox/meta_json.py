"""JSON as Meta writes it on the wire, and the signature over those bytes."""

import hashlib
import hmac
import json


def meta_bytes(value: object) -> bytes:
    r"""Compact JSON with `ä` as `\u00e4` (lower-case hex) and `/` as `\/`.

    Signatures are over these bytes, so a receiver that parses and writes again fails to verify.
    """
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def sign(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`: `sha256=` and 64 lower-case hex digits."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def sign_sha1(secret: str, body: bytes) -> str:
    """The value of the old `X-Hub-Signature`, which Meta still sends beside the new one."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
