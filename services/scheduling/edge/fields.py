"""Fields of scheduling's requests: times, lists of ids, e-mail addresses, JSON."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from email_validator import EmailNotValidError, validate_email
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.fields import Fields
from services.chassis.timestamps import from_timestamp

METADATA_BYTES_MAX: Final = 16_384
# Outside these years time zone data are not reliable.
_YEAR_MIN: Final = 1970
_YEAR_MAX: Final = 2199


class SchedulingFields(Fields):
    """Parses fields of scheduling's requests and keeps what is wrong with them."""

    def uuids(self, field: str, texts: Iterable[str], most: int) -> tuple[UUID, ...]:
        """UUIDs without repeats."""
        found = tuple(dict.fromkeys(self.uuid(field, text) for text in texts))
        if len(found) > most:
            self.refuse(field, f"has more than {most} elements")
        return found

    def timestamp(self, field: str, timestamp: Timestamp) -> datetime:
        """The instant of a Timestamp."""
        try:
            return self._bounded(field, from_timestamp(timestamp))
        except ValueError:
            return self._refused_time(
                field, "is not a valid timestamp, for example 2027-01-05T08:00:00Z"
            )

    def instant(self, field: str, text: str) -> datetime:
        """The instant of an RFC 3339 text."""
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            parsed = None
        if parsed is None or parsed.tzinfo is None:
            return self._refused_time(
                field, "is not an RFC 3339 time with an offset, for example 2027-01-05T08:00:00Z"
            )
        return self._bounded(field, parsed.astimezone(UTC))

    def optional_instant(self, field: str, text: str) -> datetime | None:
        """The instant, or None where the field is empty."""
        return self.instant(field, text) if text else None

    def local_time(self, field: str, text: str) -> datetime:
        """A wall time without an offset, to the minute or finer."""
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            parsed = self._refused_time(field, "is not a local time, for example 2027-11-07T01:30")
        else:
            if parsed.tzinfo is not None:
                self.refuse(field, "must not have an offset, for example 2027-11-07T01:30")
        return self._bounded(field, parsed.replace(tzinfo=None))

    def day(self, field: str, text: str) -> date:
        """A local date."""
        try:
            return date.fromisoformat(text)
        except ValueError:
            return self._refused_time(field, "is not a date, for example 2027-12-24").date()

    def email(self, field: str, text: str) -> str:
        """An e-mail address, normalized; its domain is not looked up."""
        try:
            return validate_email(text, check_deliverability=False).normalized
        except EmailNotValidError:
            self.refuse(field, "is not an e-mail address, for example ada@example.com")
            return ""

    def json(self, field: str, struct: Struct) -> dict[str, Any]:
        """A JSON object of bounded size that the database can hold."""
        value: dict[str, Any] = MessageToDict(struct)
        text = msgspec.json.encode(value)
        if len(text) > METADATA_BYTES_MAX:
            self.refuse(field, f"has more than {METADATA_BYTES_MAX} bytes of JSON")
        if _has_nul(value):
            self.refuse(field, "has a NUL character")
        return value

    def _bounded(self, field: str, moment: datetime) -> datetime:
        if not _YEAR_MIN <= moment.year <= _YEAR_MAX:
            return self._refused_time(field, f"is not from the years {_YEAR_MIN} to {_YEAR_MAX}")
        return moment

    def _refused_time(self, field: str, description: str) -> datetime:
        self.refuse(field, description)
        return datetime(_YEAR_MIN, 1, 1, tzinfo=UTC)


def _has_nul(value: Any) -> bool:
    """Whether a text or name in the JSON value has the character itself; `\\u0000` has not."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_has_nul, (*value, *value.values())))
    return isinstance(value, list) and any(map(_has_nul, value))
