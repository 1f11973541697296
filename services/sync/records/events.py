"""Events of the timeline, as webhooks, pulls and other services report them.

The same event may be reported by a webhook and by any number of pulls. `content_at` says how new a
report is; the newest wins, and equal ones are ordered by the hash of their content, so that every
order of reports ends alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.trace import TraceContext
from services.sync.json_text import hash_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One event; `message_id` None where it has no id of its own (a reaction, a read)."""

    type: str
    direction: str
    actor: str
    target: str = ""
    message_id: str | None = None
    occurred_at: datetime
    content_at: datetime
    text: str = ""
    payload: Mapping[str, Any]
    event_id: UUID = field(default_factory=new_id)

    @property
    def content_hash(self) -> str:
        """Hash of the whole content."""
        content = (
            self.type, self.direction, self.actor, self.target, self.text, self.payload,
        )  # fmt: skip
        return hash_of(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Something that cannot be read.

    It is a "conversation", "participant", "message" or "event", or a whole "page" of a list.
    """

    kind: str
    reason: str
    raw: Any

    @property
    def raw_json(self) -> str:
        """As it came: ASCII with escapes, which the json type takes, NUL and surrogates too."""
        return json.dumps(self.raw)

    @property
    def raw_hash(self) -> str:
        """Hash of it."""
        return hash_of(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPageEvent:
    """What ingest reports of a page: an interaction with its contact, or what cannot be read."""

    org_id: UUID
    event_id: UUID
    platform: str
    facebook_page_id: str
    contact_external_id: str
    interaction: Interaction | None
    reject: Reject | None
    reported_at: datetime
    trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTimelineEvent:
    """What another service reports about a lead or an appointment."""

    org_id: UUID
    event_id: UUID
    type: str
    lead_id: UUID | None
    subject_id: UUID | None
    payload: dict[str, Any]
    content_hash: str
    occurred_at: datetime
    trace: TraceContext
