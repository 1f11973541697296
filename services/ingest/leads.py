"""What becomes a lead, whichever way it came in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.ids import new_id

TYPES: Final = ("order", "inquiry", "quote", "appointment", "support", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a person is known by: kind "phone", "email", "wa_id", "bsuid", "psid" or "igsid"."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question of a form and every value that was chosen."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message; `external_id` is the provider's, None for one that a caller of ours sent."""

    body: str
    external_id: str | None = None
    sent_at: datetime | None = None
    message_id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLead:
    """A lead about to be stored, with the ids that new rows will have.

    `external_id` is the provider's id of the lead. With `first_contact` only a message that opens a
    conversation makes a lead; a later one is stored in it.
    """

    source_id: UUID
    source_kind: str
    type: str
    received_at: datetime
    identities: tuple[Identity, ...] = ()
    phone: str = ""
    phone_raw: str = ""
    email: str = ""
    full_name: str = ""
    details: str = ""
    answers: tuple[Answer, ...] = ()
    consents: Mapping[str, bool] = field(default_factory=dict)
    message: Message | None = None
    external_id: str | None = None
    first_contact: bool = False
    lead_id: UUID = field(default_factory=new_id)
    contact_id: UUID = field(default_factory=new_id)
    conversation_id: UUID = field(default_factory=new_id)
    outbox_id: UUID = field(default_factory=new_id)


def identities(*, phone: str | None = None, email: str | None = None) -> tuple[Identity, ...]:
    """The identities that a phone and an e-mail are; none for what is missing."""
    known = (("phone", phone), ("email", email))
    return tuple(Identity(kind=kind, value=value) for kind, value in known if value)
