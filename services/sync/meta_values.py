"""Values as Meta sends them (ids, times, texts, payloads), in the form that rows hold."""

import re
from datetime import UTC, datetime
from typing import Any, Final

TEXT_CHARACTERS_MAX: Final = 10_000
# Years 2001 to 2286 in milliseconds lie above this, in seconds below.
_MILLISECONDS_FROM: Final = 10**11
# Old ids of messages: `mid.…` in webhooks, `m_mid.…` in the Graph API.
_PREFIXED_MID: Final = re.compile(r"m_(?=mid\.)")
# Meta sends times far inside these; the database would refuse one far outside.
_YEARS: Final = range(2000, 2200)


class UnreadableError(Exception):
    """The value is not what the platform sends; the text says why and quotes nothing of it."""


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
    """Text, bounded; empty for anything but text."""
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
