"""Violations for callers of the JSON API: fields are named as in their JSON.

Services name fields as in the proto (`leads[1].org_id`); in JSON a field has the name that its
descriptor gives (`leads[1].orgId`, or another `json_name`).
"""

import re
from typing import Any, Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from services.chassis.errors import VIOLATIONS_MAX, DomainError, Violation, invalid

# Other words of a sentence have no underscore, or are not fields of the same message.
_FIELD_NAME: Final = re.compile(r"(?<![.\w])[a-z0-9]+(?:_[a-z0-9]+)+\b")


def in_json_names(error: DomainError, request: Message) -> DomainError:
    """The same refusal, its violations with the names that the request's fields have in JSON."""
    if not error.violations:
        return error
    descriptor: Any = request.DESCRIPTOR
    named = [_violation(each, descriptor) for each in error.violations[:VIOLATIONS_MAX]]
    return invalid(*named, omitted=error.violations_omitted)


def _violation(violation: Violation, request: Descriptor) -> Violation:
    owner, path = request, []
    message: Descriptor | None = request
    for step in violation.field.split("."):
        name, bracket, index = step.partition("[")
        field = message.fields_by_name.get(name) if message else None
        # What is not a field, or stands below a map's key, stays as the service wrote it.
        path.append(f"{field.json_name}{bracket}{index}" if field else step)
        owner, message = message or owner, field.message_type if field else None
    return Violation(
        field=".".join(path),
        description=_FIELD_NAME.sub(lambda word: _json_name(owner, word[0]), violation.description),
    )


def _json_name(message: Descriptor, name: str) -> str:
    field = message.fields_by_name.get(name)
    return name if field is None else field.json_name
