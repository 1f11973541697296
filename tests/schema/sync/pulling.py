"""Pulls against the emulator, on one moved clock for both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from uuid import UUID, uuid4

import msgspec

from sandbox.meta import MetaPlatform
from sandbox.meta_conversations import Behaviour, Page, PageOrder
from sandbox.serving import serving
from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.outbound.client import OutboundClient, OutboundPolicy
from services.chassis.trace import new_root
from services.sync.graph import Graph, GraphResponse
from services.sync.page_tokens import PageTokens
from services.sync.position import GraphRequest
from services.sync.puller import Puller
from services.sync.records.pages import PageCredentials
from services.sync.records.pulls import PullBudget, PullerPolicy, RunEnd, SyncRun
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from tests.schema.sync.builders import RING, Admin, MovedClock, a_page

AMPLE = PullBudget(seconds=10_000, calls=10_000, new_rows=1_000_000)


class _Distant(Graph):
    """The emulator, whose answers take the world's `answer_seconds`."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.http, f"{world.url}/v26.0")
        self._world = world

    async def fetch(self, credentials: PageCredentials, request: GraphRequest) -> GraphResponse:
        answer = await super().fetch(credentials, request)
        self._world.clock.forward(self._world.answer_seconds)
        return answer


@dataclass(slots=True, kw_only=True)
class World:
    """A connected page at the emulator, and a puller of it."""

    database: Database
    clock: MovedClock
    platform: MetaPlatform
    url: str
    http: OutboundClient
    org_id: UUID
    page_id: UUID
    facebook_page_id: str
    lease_seconds: float = 60
    answer_seconds: float = 0

    @property
    def page(self) -> Page:
        return self.platform.conversations.pages[self.facebook_page_id]

    def behave(self, **changes: object) -> None:
        self.page.behaviour = msgspec.structs.replace(self.page.behaviour, **changes)

    def sessions(self, worker: str = "tester") -> SessionStore:
        return SessionStore(
            self.database, worker, lease_seconds=self.lease_seconds, clock=self.clock
        )

    def puller(
        self, policy: PullerPolicy | None = None, sessions: SessionStore | None = None
    ) -> Puller:
        return Puller(
            sessions or self.sessions(),
            PageStore(self.database, self.clock),
            _Distant(self),
            PageTokens(RING),
            self.clock,
            policy or PullerPolicy(list_limit=10),
        )

    async def start(self, resume: UUID | None = None) -> SyncRun:
        return await self.sessions().start_sync(
            self.org_id,
            page_id=self.page_id,
            facebook_page_id=self.facebook_page_id,
            resume_session=resume,
            session_id=new_id(),
            token=new_id(),
            traceparent=new_root().traceparent,
        )

    async def pull(
        self,
        *,
        resume: UUID | None = None,
        budget: PullBudget = AMPLE,
        policy: PullerPolicy | None = None,
    ) -> tuple[SyncRun, RunEnd]:
        """One run of a new session, or of one that goes on."""
        run = await self.start(resume)
        return run, await self.puller(policy).run(run, budget)

    async def pull_to_the_end(
        self,
        *,
        budget: PullBudget = AMPLE,
        policy: PullerPolicy | None = None,
        runs_max: int = 50,
    ) -> tuple[int, RunEnd]:
        """Run after run, each when it may go on; how many it took."""
        run, end = await self.pull(budget=budget, policy=policy)
        for number in range(1, runs_max + 1):
            if end.status != "paused":
                return number, end
            if end.due_at is not None and end.due_at > self.clock.now():
                self.clock.forward((end.due_at - self.clock.now()).total_seconds())
            run, end = await self.pull(resume=run.session_id, budget=budget, policy=policy)
        raise AssertionError(f"not at its end after {runs_max} runs: {end}")

    async def pull_incrementally(
        self, policy: PullerPolicy | None = None, *, budget: PullBudget = AMPLE
    ) -> RunEnd:
        """One run of an incremental session, as the background makes it."""
        await self.sessions().schedule_sync(
            self.org_id,
            page_id=self.page_id,
            session_id=new_id(),
            mode="incremental",
            traceparent=new_root().traceparent,
        )
        run = await self.sessions().claim_sync_session(new_id(), "a" * 32)
        assert run is not None
        return await self.puller(policy).run(run, budget)

    async def stored(self, admin: Admin) -> dict[str, set[str]]:
        """The messages that are stored, by contact."""
        rows = await admin.fetch(
            """select m.contact_external_id as contact, array_agg(e.message_id) as ids
               from sync.messenger_conversations m
               left join sync.contact_interaction_events e using (org_id, conversation_id)
               where m.org_id = $1 group by 1""",
            self.org_id,
        )
        return {row["contact"]: set(row["ids"]) - {None} for row in rows}

    def shown(self) -> dict[str, set[str]]:
        """The messages that the emulator shows, by contact."""
        return {
            thread.contact_id: {said.id for said in thread.shown_messages()}
            for thread in self.page.threads
        }


async def holding_books(admin: Admin) -> None:
    """Everything that was received is accounted for."""
    rows = await admin.fetch("select * from sync.verify_books()")
    assert {row["equation"]: row["violations"] for row in rows if row["violation_count"]} == {}


@asynccontextmanager
async def a_world(
    database: Database, order: PageOrder, behaviour: Behaviour | None = None
) -> AsyncIterator[World]:
    """A page made to order."""
    clock, org_id = MovedClock(), uuid4()
    facebook_page_id = str(uuid4().int % 10**12)
    platform = MetaPlatform(now=lambda: clock.now().timestamp())
    page = Page(facebook_page_id, order)
    page.behaviour = behaviour or Behaviour()
    platform.conversations.pages[facebook_page_id] = page
    policy = OutboundPolicy(
        allowed_networks=(ip_network("127.0.0.0/8"),),
        http_hosts=frozenset({"127.0.0.1"}),
        response_bytes_max=16 * 1024 * 1024,
    )
    async with serving(platform.application()) as url, OutboundClient(policy) as http:
        yield World(
            database=database,
            clock=clock,
            platform=platform,
            url=url,
            http=http,
            org_id=org_id,
            page_id=await a_page(database, org_id, facebook_page_id=facebook_page_id),
            facebook_page_id=facebook_page_id,
        )
