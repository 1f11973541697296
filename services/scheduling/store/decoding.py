"""JSON objects of stored functions as records."""

from typing import Any, TypeVar

import msgspec

Record = TypeVar("Record")


def decode(record: type[Record], value: Any) -> Record:
    """The JSON object that a stored function returned, as a record."""
    return msgspec.convert(value, record)
