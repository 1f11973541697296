"""Fields of scheduling's requests: times, lists of ids, JSON."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.fields import Fields

METADATA_BYTES_MAX: Final = 16_384
# Beyond these years no zone's data and no calendar of people is of use.
_YEARS: Final = (1970, 2199)


class TimeFields(Fields):
    """Parses fields of scheduling's requests and keeps what is wrong with them."""

    def uuids(self, field: str, texts: Iterable[str], most: int) -> tuple[UUID, ...]:
        """UUIDs, each once."""
        found = tuple(dict.fromkeys(self.uuid(field, text) for text in texts))
        if len(found) > most:
            self.refuse(field, f"has more than {most} elements")
        return found

    def moment(self, field: str, timestamp: Timestamp) -> datetime:
        """The instant that a Timestamp names."""
        try:
            return self._bounded(field, timestamp.ToDatetime(UTC))
        except (ValueError, OverflowError):
            return self._no_time(field, "is no time")

    def instant(self, field: str, text: str) -> datetime:
        """The instant that an RFC 3339 text names."""
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            return self._no_time(field, "is not RFC 3339: 2027-01-05T08:00:00Z")
        if parsed.tzinfo is None:
            return self._no_time(field, "has no offset: 2027-01-05T08:00:00Z")
        return self._bounded(field, parsed.astimezone(UTC))

    def optional_instant(self, field: str, text: str) -> datetime | None:
        """The instant, or None where nothing came."""
        return self.instant(field, text) if text else None

    def local_time(self, field: str, text: str) -> datetime:
        """A wall time, to the minute or finer, without an offset."""
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            parsed = self._no_time(field, "is no local time: 2027-11-07T01:30")
        else:
            if parsed.tzinfo is not None:
                self.refuse(field, "has an offset; a local time has none")
        return self._bounded(field, parsed.replace(tzinfo=None))

    def day(self, field: str, text: str) -> date:
        """A local date."""
        try:
            return date.fromisoformat(text)
        except ValueError:
            return self._no_time(field, "is no date: 2027-12-24").date()

    def json(self, field: str, struct: Struct) -> dict[str, Any]:
        """A JSON object of bounded size that the database can hold."""
        value: dict[str, Any] = MessageToDict(struct)
        text = msgspec.json.encode(value)
        if len(text) > METADATA_BYTES_MAX:
            self.refuse(field, f"has more than {METADATA_BYTES_MAX} bytes of JSON")
        if b"\\u0000" in text:
            self.refuse(field, "contains a NUL character")
        return value

    def _bounded(self, field: str, moment: datetime) -> datetime:
        if not _YEARS[0] <= moment.year <= _YEARS[1]:
            return self._no_time(field, f"is not from {_YEARS[0]} to {_YEARS[1]}")
        return moment

    def _no_time(self, field: str, description: str) -> datetime:
        self.refuse(field, description)
        return datetime(_YEARS[0], 1, 1, tzinfo=UTC)
