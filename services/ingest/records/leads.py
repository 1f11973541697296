"""Leads: as they come in, what became of each, and as they are listed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId

LEAD_TYPES: Final = ("order", "inquiry", "quote", "appointment", "support", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactIdentity:
    """What a person is known by: kind "phone", "email", "wa_id", "bsuid", "psid" or "igsid"."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormAnswer:
    """One question of a form and every value that was chosen."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """A message; `external_id` is the provider's, None where the lead came by an RPC."""

    body: str
    external_id: str | None = None
    sent_at: datetime | None = None
    message_id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingLead:
    """A lead about to be stored, with the ids that new rows will have.

    `phone` is E.164, or empty where `phone_raw` is not a valid number. `external_id` is the
    provider's id of the lead. With `first_contact` only a message that opens a conversation makes a
    lead; a later one is stored in it.
    """

    source_id: UUID
    source_kind: str
    type: str
    received_at: datetime
    identities: tuple[ContactIdentity, ...] = ()
    phone: str = ""
    phone_raw: str = ""
    email: str = ""
    full_name: str = ""
    details: str = ""
    answers: tuple[FormAnswer, ...] = ()
    consents: Mapping[str, bool] = field(default_factory=dict)
    message: IncomingMessage | None = None
    external_id: str | None = None
    first_contact: bool = False
    lead_id: UUID = field(default_factory=new_id)
    contact_id: UUID = field(default_factory=new_id)
    conversation_id: UUID = field(default_factory=new_id)
    outbox_id: UUID = field(default_factory=new_id)


def identities_of(
    *, phone: str | None = None, email: str | None = None
) -> tuple[ContactIdentity, ...]:
    """The identities that a phone and an e-mail are; none for what is missing."""
    known = (("phone", phone), ("email", email))
    return tuple(ContactIdentity(kind=kind, value=value) for kind, value in known if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadToStore:
    """A lead on its way into the database, on behalf of a claimed item or of a request."""

    org_id: UUID
    lead: IncomingLead
    traceparent: str
    item_id: UUID | None = None
    token: UUID | None = None
    attempt_trace_id: str | None = None
    request_id: RequestId = field(default_factory=RequestId)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLead:
    """What became of a LeadToStore; the ids are None where no lead was made.

    `contact_is_new` is None where nothing was written.
    """

    outcome: str
    lead_id: UUID | None
    conversation_id: UUID | None
    contact_is_new: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLead:
    """A lead as it is listed."""

    lead_id: UUID
    contact_id: UUID
    conversation_id: UUID
    source_id: UUID
    type: str
    phone: str
    phone_raw: str
    email: str
    full_name: str
    external_id: str | None
    answers: tuple[FormAnswer, ...]
    consents: Mapping[str, bool]
    created_at: datetime
    trace_id: str
