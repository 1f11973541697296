"""Moments as protobuf has them: aware datetimes here, Timestamps there."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def to_timestamp(moment: datetime) -> Timestamp:
    """An aware datetime as a Timestamp."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def to_optional_timestamp(moment: datetime | None) -> Timestamp | None:
    """The same, where None stays None: a message's constructor leaves such a field unset."""
    return None if moment is None else to_timestamp(moment)


def from_timestamp(timestamp: Timestamp) -> datetime:
    """The datetime in UTC. Raises ValueError for what no datetime can hold."""
    try:
        return timestamp.ToDatetime(UTC)
    except OverflowError as error:
        raise ValueError("is not a time between the years 1 and 9999") from error
