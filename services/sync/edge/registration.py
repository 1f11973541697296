"""SyncService, put together from its handlers."""

from dataclasses import dataclass

from services.chassis.loops import Wake
from services.chassis.rpc.server import Registration
from services.sync.edge.conversations import ConversationHandlers
from services.sync.edge.events import EventHandlers
from services.sync.edge.pages import PageHandlers
from services.sync.edge.syncs import SyncHandlers
from services.sync.page_tokens import PageTokens
from services.sync.puller import Puller
from services.sync.records.pulls import PullBudget
from services.sync.store.conversations import ConversationStore
from services.sync.store.locks import LockStore
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from waybill.sync.v1 import sync_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the handlers need; the wakes are those of the loops of the same name."""

    pages: PageStore
    sessions: SessionStore
    locks: LockStore
    conversations: ConversationStore
    puller: Puller
    budget: PullBudget
    tokens: PageTokens
    background: Wake
    health_check: Wake


def registration(dependencies: Dependencies) -> Registration:
    """SyncService for `serving`."""
    return Registration(
        descriptor=pb.DESCRIPTOR.services_by_name["SyncService"],
        handlers=(
            PageHandlers(
                dependencies.pages,
                dependencies.tokens,
                background=dependencies.background,
                health_check=dependencies.health_check,
            ),
            SyncHandlers(
                dependencies.sessions,
                dependencies.locks,
                dependencies.puller,
                dependencies.budget,
                background=dependencies.background,
            ),
            ConversationHandlers(dependencies.conversations),
            EventHandlers(dependencies.conversations),
        ),
    )
