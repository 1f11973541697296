"""Webhook signatures: Standard Webhooks (signed and verified) and `X-Hub-Signature-256`.

Every verifier here is a total function over whatever is sent: it returns a fault or False, and
never raises. Comparisons take the same time whatever differs, and every secret is
tried, so neither which secret matched nor where a signature deviates can be measured.

Standard Webhooks 1.0.0: headers `webhook-id`, `webhook-timestamp` (unix seconds) and
`webhook-signature` (entries `v1,<base64 of HMAC-SHA256>` with single spaces between); signed is
`id.timestamp.body`. The `standardwebhooks` package makes the signatures; its parser is not used,
since it raises on malformed headers and takes timestamps like `1e9`.

`X-Hub-Signature-256: sha256=<64 lower-case hex>` is HMAC-SHA256 of the app secret over the raw
body (Meta, "Getting started with webhooks"). The SHA-1 header of old is never looked at.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

from standardwebhooks import Webhook

TOLERANCE_SECONDS: Final = 300
SIGNATURES_MAX: Final = 16
SECRET_PREFIX: Final = "whsec_"
SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64

_HEADER_NAMES: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
# The dot separates the signed parts, so an id with a dot would have two readings.
_MESSAGE_ID: Final = re.compile(r"[!-\-/-~]{1,256}", re.ASCII)
_TIMESTAMP: Final = re.compile(r"(?:0|[1-9][0-9]{0,10})", re.ASCII)
_SIGNATURE: Final = re.compile(r"(v[0-9]{1,3}[a-z]?),([A-Za-z0-9+/]{1,512}={0,2})", re.ASCII)
_HUB_SIGNATURE: Final = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)


class SignatureFault(StrEnum):
    """Why a Standard Webhooks request is refused; the value is fit for logs and counters."""

    MISSING_HEADER = "missing_header"
    REPEATED_HEADER = "repeated_header"
    MALFORMED_ID = "malformed_id"
    MALFORMED_TIMESTAMP = "malformed_timestamp"
    MALFORMED_SIGNATURE = "malformed_signature"
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    BODY_NOT_UTF8 = "body_not_utf8"
    NO_MATCH = "no_match"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A Standard Webhooks secret: 24 to 64 bytes, written `whsec_` and base64."""

    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `whsec_…`, the prefix being optional. Raises `ValueError` without the text."""
        try:
            key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"a signing secret is {SECRET_PREFIX} and base64") from None
        if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
            raise ValueError(f"a signing secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")
        return cls(key)

    @classmethod
    def generate(cls) -> Self:
        """A new random secret of 32 bytes."""
        return cls(secrets.token_bytes(32))

    @property
    def text(self) -> str:
        """The form in which the receiver gets it, `whsec_…`."""
        return SECRET_PREFIX + base64.b64encode(self.key).decode()


def sign(
    message_id: str, timestamp: datetime, body: bytes, signing_secrets: Sequence[SigningSecret]
) -> dict[str, str]:
    """The three Standard Webhooks headers, with a signature of each secret that is valid now.

    Raises `ValueError` for an id the receiver would refuse, a timestamp without zone or before
    1970, a body that is not UTF-8, and for no secret or more than `SIGNATURES_MAX`.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a message id is 1 to 256 visible ASCII characters without a dot")
    if timestamp.tzinfo is None or timestamp.timestamp() < 0:
        raise ValueError("a timestamp has a time zone and is not before 1970")
    if not 1 <= len(signing_secrets) <= SIGNATURES_MAX:
        raise ValueError(f"a message is signed with 1 to {SIGNATURES_MAX} secrets")
    moment, text = timestamp.astimezone(UTC), body.decode()
    signatures = [Webhook(secret.key).sign(message_id, moment, text) for secret in signing_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def signature_fault(
    headers: Mapping[str, str],
    body: bytes,
    signing_secrets: Sequence[SigningSecret],
    now: datetime,
) -> SignatureFault | None:
    """Why the Standard Webhooks request is refused, or None when it is genuine and fresh.

    Header names may be in any case. One malformed signature entry spoils the request; a
    well-formed one of another version (`v1a`) is passed over.
    """
    values = [
        _header_values(headers, f"webhook-{name}") for name in ("id", "timestamp", "signature")
    ]
    if any(len(found) > 1 for found in values):
        return SignatureFault.REPEATED_HEADER
    if not all(found and found[0] for found in values):
        return SignatureFault.MISSING_HEADER
    message_id, timestamp, signatures = (found[0] for found in values)
    if not _MESSAGE_ID.fullmatch(message_id):
        return SignatureFault.MALFORMED_ID
    if not _TIMESTAMP.fullmatch(timestamp):
        return SignatureFault.MALFORMED_TIMESTAMP
    received = _parse_signatures(signatures)
    if received is None:
        return SignatureFault.MALFORMED_SIGNATURE
    age_seconds = now.timestamp() - int(timestamp)
    if abs(age_seconds) > TOLERANCE_SECONDS:
        return SignatureFault.TOO_OLD if age_seconds > 0 else SignatureFault.TOO_NEW
    return _compare(message_id, int(timestamp), body, signing_secrets, received)


def verify(
    headers: Mapping[str, str],
    body: bytes,
    signing_secrets: Sequence[SigningSecret],
    now: datetime,
) -> bool:
    """Whether the Standard Webhooks request is genuine and fresh; see `signature_fault`."""
    return signature_fault(headers, body, signing_secrets, now) is None


def hub_signature(app_secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256` for the raw body."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def verify_hub(header: str | None, body: bytes, app_secrets: Sequence[str]) -> bool:
    """Whether `X-Hub-Signature-256` is that of one of the secrets over the raw body.

    `header` is None when the request has none, or has several. An empty secret never matches.
    """
    if header is None or not _HUB_SIGNATURE.fullmatch(header):
        return False
    matches = [
        hmac.compare_digest(hub_signature(secret, body), header) for secret in app_secrets if secret
    ]
    return any(matches)


def _header_values(headers: Mapping[str, str], name: str) -> list[str]:
    return [value for key, value in headers.items() if key.lower() == name]


def _parse_signatures(header: str) -> list[bytes] | None:
    """The `v1` signatures, or None when any entry is malformed."""
    entries = header.split(" ", SIGNATURES_MAX)
    parsed = [_SIGNATURE.fullmatch(entry) for entry in entries]
    if len(entries) > SIGNATURES_MAX or not all(parsed):
        return None
    try:
        return [
            base64.b64decode(entry[2], validate=True)
            for entry in parsed
            if entry and entry[1] == "v1"
        ]
    except binascii.Error:
        return None


def _compare(
    message_id: str,
    timestamp: int,
    body: bytes,
    signing_secrets: Sequence[SigningSecret],
    received: Sequence[bytes],
) -> SignatureFault | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return SignatureFault.BODY_NOT_UTF8
    moment = datetime.fromtimestamp(timestamp, UTC)
    expected = [
        base64.b64decode(Webhook(secret.key).sign(message_id, moment, text).removeprefix("v1,"))
        for secret in signing_secrets
    ]
    matches = [hmac.compare_digest(own, theirs) for own in expected for theirs in received]
    return None if any(matches) else SignatureFault.NO_MATCH
