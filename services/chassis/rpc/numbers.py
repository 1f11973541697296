"""Numbers that JSON does not have, in a request: NaN and the infinities.

A Struct holds them by gRPC (JSON cannot say them), and nothing that writes it as JSON can.
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.chassis.errors import Violation

_FLOATING: Final = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)


def unwritable_numbers(request: Message) -> list[Violation]:
    """A violation for each number, at any depth, that is not finite."""
    text = "must be a finite number"
    return [Violation(field=place, description=text) for place in _places(request, "")]


def _places(message: Any, path: str) -> Iterator[str]:
    for field in _fields_of_interest(message.DESCRIPTOR):
        place = _place(field, path)
        for at, value in _values(message, field):
            if isinstance(value, Message):
                yield from _places(value, place + at)
            elif not math.isfinite(value):
                yield (place + at).removeprefix(".")


def _values(message: Any, field: FieldDescriptor) -> Iterator[tuple[str, Any]]:
    """The values of a field, each with what its place has after the field's."""
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        yield from ((f".{key}", value[key]) for key in value)
    elif field.is_repeated:
        yield from ((f"[{number}]", each) for number, each in enumerate(value))
    elif not field.has_presence or message.HasField(field.name):
        yield "", value


def _place(field: FieldDescriptor, path: str) -> str:
    """Where the field stands; that Struct is made of messages is not seen in JSON."""
    if field.full_name.startswith("google.protobuf."):
        return path
    return f"{path}.{field.name}"


@cache
def _fields_of_interest(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    return tuple(
        field
        for field in descriptor.fields
        if field.type in _FLOATING
        or (field.message_type is not None and _may_hold_numbers(field.message_type))
    )


@cache
def _may_hold_numbers(descriptor: Descriptor) -> bool:
    seen, waiting = {descriptor.full_name}, [descriptor]
    while waiting:
        for field in waiting.pop().fields:
            if field.type in _FLOATING:
                return True
            inner = field.message_type
            if inner is not None and inner.full_name not in seen:
                seen.add(inner.full_name)
                waiting.append(inner)
    return False
