"""Pages, leases, conversations and events in sync's schema, as its own role makes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.sealing import KeyRing
from services.chassis.trace import new_root
from services.sync.clock import RealClock
from services.sync.page_tokens import PageTokens
from services.sync.position import Position
from services.sync.records.conversations import ConversationToStore
from services.sync.records.events import Interaction, Reject, ReportedTimelineEvent
from services.sync.records.pulls import PulledBatch, SyncRun, ThreadRead
from services.sync.records.sessions import LockState
from services.sync.store.conversations import ConversationStore
from services.sync.store.locks import LockStore
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
ORG = UUID("11111111-1111-7111-8111-111111111111")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE_SECONDS = 60.0
RING = KeyRing(current=1, keys={1: bytes(32)})
TOKEN = "sandbox-page-token"


class MovedClock(RealClock):
    """A clock that only `sleep` and a test move."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def argument(self) -> dict[str, Any]:
        return {"p_now": self._now}

    async def sleep(self, seconds: float) -> None:
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        """So many seconds pass."""
        self._now += timedelta(seconds=seconds)


def later(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


async def a_page(
    database: Database,
    org_id: UUID,
    *,
    facebook_page_id: str | None = None,
    platform: str = "messenger",
    token: str = TOKEN,
    clock: RealClock | None = None,
) -> UUID:
    """A connected page."""
    facebook_page_id = facebook_page_id or str(uuid4().int % 10**14)
    return await PageStore(database, clock).connect_page(
        org_id,
        page_id=new_id(),
        platform=platform,
        facebook_page_id=facebook_page_id,
        name="A page",
        external_app_id="",
        access_token_ciphertext=PageTokens(RING).seal(
            org_id, platform=platform, facebook_page_id=facebook_page_id, token=token
        ),
        request_id=RequestId(),
        traceparent=new_root().traceparent,
    )


async def acquire(
    database: Database, org_id: UUID, page_id: UUID, *, token: UUID, now: datetime = NOW
) -> LockState:
    """Takes the lease on the page, or says whose it is."""
    return await LockStore(database, MovedClock(now)).acquire_sync_lock(
        org_id,
        page_id=page_id,
        locked_by=f"worker of {token}",
        token=token,
        lease_seconds=LEASE_SECONDS,
        traceparent=new_root().traceparent,
    )


def a_message(message_id: str | None = None, **changes: Any) -> Interaction:
    """A message of a contact."""
    fields: dict[str, Any] = {
        "type": "message",
        "direction": "in",
        "actor": "contact",
        "message_id": message_id or f"m_{uuid4().hex}",
        "occurred_at": NOW,
        "content_at": NOW,
        "text": "hello",
        "payload": {},
    }
    return Interaction(**{**fields, **changes})


def a_conversation(interactions: Sequence[Interaction] = (), **changes: Any) -> ConversationToStore:
    """A conversation as a pull lists it."""
    fields: dict[str, Any] = {
        "contact_external_id": "contact",
        "thread_id": "t_1",
        "contact_name": "Ada",
        "listed_at": NOW,
        "message_count": len(interactions),
        "completeness": "full",
        "interactions": tuple(interactions),
    }
    return ConversationToStore(**{**fields, **changes})


async def a_pulled_page(database: Database, org_id: UUID) -> UUID:
    """A page that is being pulled: a conversation, a reject, and an event of another service."""
    page_id = await a_page(database, org_id)
    sessions = SessionStore(database, "tester", lease_seconds=3600)
    run = await sessions.start_sync(
        org_id,
        page_id=page_id,
        facebook_page_id=None,
        resume_session=None,
        session_id=new_id(),
        token=new_id(),
        traceparent=new_root().traceparent,
    )
    rows = PulledBatch(
        conversations=(a_conversation([a_message()]),),
        threads=(ThreadRead(thread_id="t_1", updated_at=NOW, has_pending_messages=True),),
        rejects=(Reject(kind="message", reason="no id", raw={}),),
    )
    await sessions.save_sync_page(run, run.version, Position(), rows)
    told = ReportedTimelineEvent(
        org_id=org_id,
        event_id=new_id(),
        type="appointment_booked",
        lead_id=new_id(),
        subject_id=new_id(),
        payload={},
        content_hash="",
        occurred_at=NOW,
        trace=new_root(),
    )
    await ConversationStore(database).record_timeline_events("scheduling", [told])
    return page_id


def sessions(database: Database, clock: MovedClock, worker: str = "tester") -> SessionStore:
    """Sessions as a worker sees them."""
    return SessionStore(database, worker, lease_seconds=LEASE_SECONDS, clock=clock)


async def start(
    store: SessionStore, page_id: UUID, *, resume: UUID | None = None, org_id: UUID = ORG
) -> SyncRun:
    """Starts a session of the page, or continues one."""
    return await store.start_sync(
        org_id,
        page_id=page_id,
        facebook_page_id=None,
        resume_session=resume,
        session_id=new_id(),
        token=new_id(),
        traceparent=new_root().traceparent,
    )
