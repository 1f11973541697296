"""What happened between a contact and a page, as one row of the timeline.

The same thing may be told by a webhook and by any number of pulls. `content_at` says how new a
telling is; the newest wins, and equal ones are told apart by the hash of all that they say, so that
every order of telling ends alike.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from services.chassis.ids import new_id

TEXT_CHARACTERS_MAX: Final = 10_000
# Years 2001 to 2286 in milliseconds lie above this, in seconds below.
_MILLISECONDS_FROM: Final = 10**11
# Old ids of messages: `mid.…` in webhooks, `m_mid.…` in the Graph API.
_PREFIXED_MID: Final = re.compile(r"m_(?=mid\.)")
# What Meta sends is far inside; what is not would be refused by the database.
_YEARS: Final = range(2000, 2200)


class UnreadableError(Exception):
    """It is not what the platform sends; the text says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One event; `message_id` None where it has no id of its own (a reaction, a read)."""

    type: str
    direction: str
    actor: str
    target: str = ""
    message_id: str | None = None
    occurred_at: datetime
    content_at: datetime
    text: str = ""
    payload: Mapping[str, Any]
    event_id: UUID = field(default_factory=new_id)

    @property
    def content_hash(self) -> str:
        """Hash of all that is said."""
        said = (self.type, self.direction, self.actor, self.target, self.text, self.payload)
        return hash_of(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Something that cannot be read.

    It is a "conversation", "participant", "message" or "event", or a whole "page" of a list.
    """

    kind: str
    reason: str
    raw: Any

    @property
    def raw_json(self) -> str:
        """As it came: ASCII with escapes, which the json type takes, NUL and surrogates too."""
        return json.dumps(self.raw)

    @property
    def raw_hash(self) -> str:
        """Hash of it."""
        return hash_of(self.raw)


def hash_of(value: Any) -> str:
    """SHA-256 of the value as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def to_id(value: Any) -> str | None:
    """An id as text: Meta sends numbers and text alike; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return storable(str(value)).strip()[:512] or None


def to_message_id(value: Any) -> str | None:
    """A message's id in the one spelling that webhooks and pulls share."""
    text = to_id(value)
    return None if text is None else _PREFIXED_MID.sub("", text)


def to_time(value: Any) -> datetime | None:
    """A time as Meta sends it: ISO 8601, or seconds or milliseconds, number or text."""
    try:
        if isinstance(value, str) and not value.isdigit():
            return _bounded(datetime.fromisoformat(value))
        number = int(value)
        seconds = number / 1000 if number > _MILLISECONDS_FROM else number
        return _bounded(datetime.fromtimestamp(seconds, UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _bounded(time: datetime) -> datetime | None:
    zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
    return zoned.astimezone(UTC) if zoned.year in _YEARS else None


def storable(text: str) -> str:
    """Without what a text column cannot hold: NUL, halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def to_text(value: Any) -> str:
    """What was written, bounded; empty for anything but text."""
    return storable(value)[:TEXT_CHARACTERS_MAX] if isinstance(value, str) else ""


def to_payload(value: Any) -> Any:
    """JSON that the jsonb type can hold."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): to_payload(each) for key, each in value.items()}
    if isinstance(value, list):
        return [to_payload(each) for each in value]
    return value
