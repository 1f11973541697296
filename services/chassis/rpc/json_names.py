"""Violations for callers of the JSON API: fields are named as in their JSON.

Services name fields as in the proto (`leads[1].org_id`); in JSON a field has the name that its
descriptor gives (`leads[1].orgId`, or another `json_name`).
"""

import re
from typing import Any, Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from services.chassis.errors import DomainError, Violation, invalid

_STEP: Final = re.compile(r"(?P<name>[a-z0-9_]+)(?P<index>.*)", re.DOTALL)
# Other words of a sentence have no underscore, or are not fields of the same message.
_FIELD_NAME: Final = re.compile(r"(?<![.\w])[a-z0-9]+(?:_[a-z0-9]+)+\b")


def in_json_names(error: DomainError, request: Message) -> DomainError:
    """The same refusal, its violations with the names that the request's fields have in JSON."""
    if not error.violations:
        return error
    descriptor: Any = request.DESCRIPTOR
    return invalid(*(_violation(each, descriptor) for each in error.violations))


def _violation(violation: Violation, request: Descriptor) -> Violation:
    message: Descriptor | None = request
    owner = request
    path: list[str] = []
    for step in violation.field.split("."):
        match = _STEP.fullmatch(step)
        field = message.fields_by_name.get(match["name"]) if message and match else None
        if field is None or match is None:
            # Not the name of a field, or below a map's key: as the service wrote it.
            message = None
            path.append(step)
            continue
        owner, message = message or owner, field.message_type
        path.append(field.json_name + match["index"])
    return Violation(
        field=".".join(path),
        description=_FIELD_NAME.sub(lambda word: _json_name(owner, word[0]), violation.description),
    )


def _json_name(message: Descriptor, name: str) -> str:
    field = message.fields_by_name.get(name)
    return name if field is None else field.json_name
