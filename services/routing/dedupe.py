"""Keyed hashes that tell which leads are of the same person, without storing who that is.

A phone number is one of some 10^10, so a plain SHA-256 of it is reversed in minutes; these are
HMAC-SHA-256 under a secret that the database never sees. Secrets have versions: while they rotate,
every lead has a hash under each, so that leads from before and after still meet.
"""

import hashlib
import hmac
from typing import Final

from services.chassis.sealing import KeyRing
from services.routing.records import Lead

PHONE: Final = "phone"
EMAIL: Final = "email"


def generate_dedupe_hash(
    secret_ring: KeyRing, kind: str, value: str, *, version: int | None = None
) -> str:
    """`v<version>:<kind>:<64 hex digits>`, by default under the ring's current secret.

    `kind` is "phone" (value in E.164) or "email" (value lower-case). Raises `KeyError` for a
    version that the ring does not hold.
    """
    version = secret_ring.current if version is None else version
    message = f"{kind}:{value}".encode()
    digest = hmac.new(secret_ring.keys[version], message, hashlib.sha256).hexdigest()
    return f"v{version}:{kind}:{digest}"


def dedupe_hashes(secret_ring: KeyRing, lead: Lead) -> tuple[str, ...]:
    """One hash for each identity of the lead and secret version; the current phone hash first."""
    versions = sorted(
        secret_ring.keys, key=lambda version: (version != secret_ring.current, version)
    )
    identities = [(PHONE, lead.phone), (EMAIL, lead.email)]
    return tuple(
        generate_dedupe_hash(secret_ring, kind, value, version=version)
        for kind, value in identities
        if value
        for version in versions
    )
