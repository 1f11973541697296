"""Raw webhooks, the items that they are split into, and what becomes of each item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.trace import TraceContext, new_root

IGNORED: Final = "ignored"
STORED: Final = "stored"
DEAD_LETTER: Final = "dead_letter"
LEADGEN: Final = "leadgen"
MESSAGE: Final = "message"
ITEM_STATUSES: Final = (
    "pending", "processing", "failed", STORED, "duplicate", IGNORED, DEAD_LETTER,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookItem:
    """One update of a webhook.

    `disposition` is None where a worker decides; else the item is stored with it as its status, and
    `reason` says why.
    """

    kind: str
    payload: str
    external_id: str | None = None
    source_kind: str | None = None
    source_external_id: str | None = None
    disposition: str | None = None
    reason: str | None = None
    item_id: UUID = field(default_factory=new_id)
    trace: TraceContext = field(default_factory=new_root)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawWebhook:
    """A webhook as it came in, its signature good, with the items that it was split into."""

    delivery_id: UUID
    app_id: UUID
    path: str
    headers: Mapping[str, str]
    body: bytes
    trace: TraceContext
    caller_trace: TraceContext | None
    items: Sequence[WebhookItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedItem:
    """An item that this worker holds a lease on, with what it needs of the source."""

    org_id: UUID
    item_id: UUID
    token: UUID
    kind: str
    external_id: str
    source_id: UUID
    source_kind: str
    source_external_id: str
    default_region: str
    access_token_ciphertext: bytes | None
    payload: str
    attempts: int
    received_at: datetime
    due_at: datetime
    trace: TraceContext
    webhook_trace: TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFault:
    """Why a claimed item could not be read; `permanent` where no repeat can help."""

    reason: str
    permanent: bool = False
    wait_seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSettlement:
    """What became of a claimed item: "ignored", "duplicate", "dead_letter", "retry", "returned"."""

    item: ClaimedItem
    outcome: str
    reason: str | None = None
    retry_after_seconds: float = 0
    attempt_trace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWebhookItem:
    """A webhook item as it is listed."""

    item_id: UUID
    delivery_id: UUID
    kind: str
    external_id: str | None
    status: str
    reason: str | None
    attempts: int
    lead_id: UUID | None
    received_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanSource:
    """The page, account or number that orphans came for; None: any."""

    kind: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWebhookOrphan:
    """An item for a page, account or number that no org has, as it is listed."""

    item_id: UUID
    delivery_id: UUID
    kind: str
    external_id: str | None
    source_kind: str | None
    source_external_id: str | None
    status: str
    reason: str
    received_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedOrphans:
    """How many orphans became items, and whether there are more."""

    replayed_count: int
    has_more: bool
