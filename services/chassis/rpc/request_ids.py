"""Request ids: the same id gives the same answer, the same id with other content is refused.

The stored function that writes does both in its own transaction (`begin_request`,
`finish_request`); what it needs from here is a hash of what was asked. It holds for as long as
`requests_kept_days` say.
"""

import hashlib
from dataclasses import dataclass

from google.protobuf.message import Message

from services.chassis.errors import Violation, invalid

REQUEST_ID_CHARACTERS_MAX = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestId:
    """A client-made id and the hash of the content that it came with; both None where none came."""

    value: str | None = None
    content_hash: str | None = None


def request_id_violations(request: Message) -> list[Violation]:
    """What is wrong with the request's `request_id`, if it has one."""
    value: str = getattr(request, "request_id", "")
    if len(value) > REQUEST_ID_CHARACTERS_MAX:
        too_long = f"has more than {REQUEST_ID_CHARACTERS_MAX} characters"
        return [Violation(field="request_id", description=too_long)]
    if "\0" in value:
        return [Violation(field="request_id", description="has a NUL character")]
    return []


def parse_request_id(request: Message) -> RequestId:
    """The request's `request_id` and what it stands for. Raises INVALID_REQUEST."""
    if violations := request_id_violations(request):
        raise invalid(*violations)
    value: str = getattr(request, "request_id", "")
    if not value:
        return RequestId()
    # The id is part of the content and salts it: equal content does not hash alike.
    content = request.SerializeToString(deterministic=True)
    digest = hashlib.sha256(request.DESCRIPTOR.full_name.encode() + b"\0" + content)
    return RequestId(value=value, content_hash=digest.hexdigest())
