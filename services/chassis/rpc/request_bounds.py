"""What is wrong with a request by its descriptors: too much of something, or a field missing.

The bounds stand in the protos (`waybill.bounds.v1`). They are checked first, and the elements of a
list that is too long are never looked at.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.chassis.errors import Violation
from waybill.bounds.v1 import bounds_pb2

_OURS: Final = "waybill."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What of a message is checked, and the fields below which there is more to check."""

    items_max: tuple[tuple[str, int], ...]
    bytes_max: tuple[tuple[str, int], ...]
    required: tuple[FieldDescriptor, ...]
    bounded_below: tuple[FieldDescriptor, ...]
    required_below: tuple[FieldDescriptor, ...]


def too_much(request: Message) -> list[Violation]:
    """A violation for each list or map of too many elements and each Struct of too many bytes."""
    shape = _shape(request.DESCRIPTOR)
    found = [
        Violation(field=name, description=f"has more than {most} elements")
        for name, most in shape.items_max
        if len(getattr(request, name)) > most
    ]
    found += [
        Violation(field=name, description=f"has more than {most} bytes")
        for name, most in shape.bytes_max
        if request.HasField(name) and getattr(request, name).ByteSize() > most
    ]
    return found or _below(request, shape.bounded_below, too_much)


def missing_fields(request: Message) -> list[Violation]:
    """A violation for each field that is annotated REQUIRED and has its default, at any depth."""
    shape = _shape(request.DESCRIPTOR)
    found = [
        Violation(field=field.name, description="is required")
        for field in shape.required
        if not _is_set(request, field)
    ]
    return found + _below(request, shape.required_below, missing_fields)


def _below(
    message: Message,
    fields: Iterable[FieldDescriptor],
    check: Callable[[Message], list[Violation]],
) -> list[Violation]:
    found: list[Violation] = []
    for field in fields:
        if field.is_repeated:
            for index, child in enumerate(getattr(message, field.name)):
                found += _under(f"{field.name}[{index}]", check(child))
        elif message.HasField(field.name):
            found += _under(field.name, check(getattr(message, field.name)))
    return found


def _under(place: str, violations: list[Violation]) -> list[Violation]:
    return [
        Violation(field=f"{place}.{each.field}", description=each.description)
        for each in violations
    ]


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    if field.has_presence:
        return message.HasField(field.name)
    return bool(getattr(message, field.name))


@cache
def _shape(descriptor: Descriptor) -> _Shape:
    children = {
        field: _shape(field.message_type)
        for field in descriptor.fields
        if field.message_type is not None
        and field.message_type.full_name.startswith(_OURS)
        and not field.message_type.GetOptions().map_entry
    }
    return _Shape(
        items_max=tuple(
            (field.name, _option(field, bounds_pb2.items_max))
            for field in descriptor.fields
            if field.is_repeated
        ),
        bytes_max=tuple(
            (field.name, most)
            for field in descriptor.fields
            if (most := _option(field, bounds_pb2.bytes_max))
        ),
        required=tuple(field for field in descriptor.fields if _is_required(field)),
        bounded_below=tuple(
            field
            for field, shape in children.items()
            if shape.items_max or shape.bytes_max or shape.bounded_below
        ),
        required_below=tuple(
            field for field, shape in children.items() if shape.required or shape.required_below
        ),
    )


def _option(field: FieldDescriptor, extension: Any) -> int:
    """The option's value; 0 where the field has none, so that a forgotten bound refuses."""
    return int(field.GetOptions().Extensions[extension])


def _is_required(field: FieldDescriptor) -> bool:
    behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.REQUIRED in behaviours
