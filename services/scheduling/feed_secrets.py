"""Secret addresses of calendar feeds, which name the calendar and allow reading it."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_SECRET_BYTES: Final = 24
_LENGTH: Final = 16 + 16 + _SECRET_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSecret:
    """The org and the calendar of a feed, and the part that cannot be guessed."""

    org_id: UUID
    calendar_id: UUID
    secret: bytes

    @property
    def text(self) -> str:
        """The part of the address that holds it: 75 URL-safe characters."""
        packed = self.org_id.bytes + self.calendar_id.bytes + self.secret
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @property
    def hash(self) -> bytes:
        """The hash that the row holds."""
        return hashlib.sha256(self.secret).digest()

    @property
    def path(self) -> str:
        """The feed's path at the edge."""
        return f"/calendars/{self.text}/calendar.ics"


def new_secret(org_id: UUID, calendar_id: UUID) -> FeedSecret:
    """A new random secret."""
    return FeedSecret(
        org_id=org_id, calendar_id=calendar_id, secret=secrets.token_bytes(_SECRET_BYTES)
    )


def parse_secret(text: str) -> FeedSecret | None:
    """The secret in an address, or None where it is malformed."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(packed) != _LENGTH:
        return None
    return FeedSecret(
        org_id=UUID(bytes=packed[:16]), calendar_id=UUID(bytes=packed[16:32]), secret=packed[32:]
    )
