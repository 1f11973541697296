"""Whoever starts, saves, stalls, ends and cleans up, in whatever order: a state machine."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.chassis.database import Database, pooled
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.position import Position
from services.sync.records.pulls import PulledBatch, RunEnd, SyncRun
from services.sync.store.locks import LockStore
from services.sync.store.sessions import SessionStore
from tests.conftest import config_for, copy_of, with_login
from tests.sampling import examples
from tests.schema.sync.builders import (
    LEASE_SECONDS,
    MovedClock,
    a_conversation,
    a_message,
    a_page,
    later,
)

Answer = TypeVar("Answer")
META_PAGE = "4711"


class LocksAndSessions(RuleBasedStateMachine):
    """One page, any number of workers; the model knows who may write."""

    loop: asyncio.Runner
    database: Database
    admin: Any

    @initialize()
    def begin(self) -> None:
        self.do(self.admin.execute("truncate sync.pages, sync.ticks cascade"))
        self.clock = MovedClock()
        self.store = SessionStore(
            self.database, "tester", lease_seconds=LEASE_SECONDS, clock=self.clock
        )
        self.locks = LockStore(self.database, self.clock)
        self.org_id = uuid4()
        self.page_id = self.do(a_page(self.database, self.org_id, facebook_page_id=META_PAGE))
        self.runs: list[SyncRun] = []
        self.versions: dict[UUID, int] = {}
        self.holder: SyncRun | None = None
        self.free_at = 0.0
        self.now = 0.0
        self.stored = 0
        # Sessions that have not ended, by their mode; one of them at most.
        self.open: dict[UUID, str] = {}
        # When the one that goes on by itself does so.
        self.due_at: float | None = None

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.loop.run(work)

    def refusal(self, work: Coroutine[Any, Any, Any]) -> tuple[Any, str]:
        try:
            return self.do(work), ""
        except DomainError as error:
            return None, error.reason

    @property
    def is_held(self) -> bool:
        return self.holder is not None and self.now < self.free_at

    @property
    def goes_on_by_itself(self) -> bool:
        return "full" in self.open.values()

    def _begun(self, run: SyncRun) -> None:
        self.runs.append(run)
        self.versions[run.session_id] = run.version
        self.holder = run
        self._leased()

    def _leased(self) -> None:
        """The lease is new: a session that goes on by itself is due again at its end."""
        self.free_at = self.now + LEASE_SECONDS
        self.due_at = self.free_at if self.goes_on_by_itself else None

    def _holds(self, run: SyncRun) -> bool:
        return self.is_held and self.holder is not None and run.token == self.holder.token

    def _start(self, resume: UUID | None) -> tuple[SyncRun | None, str]:
        run, reason = self.refusal(
            self.store.start_sync(
                self.org_id,
                page_id=self.page_id,
                facebook_page_id=None,
                resume_session=resume,
                session_id=new_id(),
                token=new_id(),
                traceparent=new_root().traceparent,
            )
        )
        return run, reason

    @rule()
    def start(self) -> None:
        run, reason = self._start(None)
        assert (reason == "SYNC_IN_PROGRESS") == (self.is_held or self.goes_on_by_itself)
        if run is not None:
            self.open = {run.session_id: "manual"}
            self._begun(run)

    @rule()
    def schedule(self) -> None:
        session_id = new_id()
        _, reason = self.refusal(
            self.store.schedule_sync(
                self.org_id,
                page_id=self.page_id,
                session_id=session_id,
                mode="full",
                traceparent=new_root().traceparent,
            )
        )
        assert (reason == "SYNC_IN_PROGRESS") == (self.is_held or self.goes_on_by_itself)
        if not reason:
            self.open = {session_id: "full"}
            self.due_at = self.now

    @rule()
    def claim(self) -> None:
        run = self.do(self.store.claim_sync_session(new_id(), new_root().trace_id))
        is_due = self.due_at is not None and self.due_at <= self.now
        assert (run is not None) == (is_due and not self.is_held)
        if run is not None:
            assert self.open == {run.session_id: "full"}
            self._begun(run)
        elif is_due:
            self.due_at = self.free_at

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        before = data.draw(st.sampled_from(self.runs))
        run, reason = self._start(before.session_id)
        if self.is_held:
            assert reason == "SYNC_IN_PROGRESS"
        elif before.session_id not in self.open:
            assert reason == "SYNC_SESSION_FINISHED"
        else:
            assert run is not None
            assert run.session_id == before.session_id
            self._begun(run)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def save(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        rows = PulledBatch(conversations=(a_conversation([a_message()]),))
        version = self.versions[run.session_id]
        saved, reason = self.refusal(self.store.save_sync_page(run, version, Position(), rows))
        assert (saved is not None) == self._holds(run), reason
        if saved is not None:
            self.versions[run.session_id] = saved.version
            self.stored += 1
            self._leased()

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), off_by=st.sampled_from([-2, -1, 1]), ends=st.booleans())
    def work_at_another_version(self, data: st.DataObject, off_by: int, ends: bool) -> None:
        """Whoever holds the lease, a session that went on is not written to from behind."""
        run = data.draw(st.sampled_from(self.runs))
        version = self.versions[run.session_id] + off_by
        rows = PulledBatch(conversations=(a_conversation([a_message()]),))
        _, reason = self.refusal(
            self.store.end_sync_run(run, version, RunEnd(status="completed", outcome="finished"))
            if ends
            else self.store.save_sync_page(run, version, Position(), rows)
        )
        assert reason == "SYNC_LEASE_LOST"

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), status=st.sampled_from(["paused", "completed", "failed"]))
    def end(self, data: st.DataObject, status: str) -> None:
        run = data.draw(st.sampled_from(self.runs))
        version = self.versions[run.session_id]
        _, reason = self.refusal(
            self.store.end_sync_run(run, version, RunEnd(status=status, outcome="time"))
        )
        may = self._holds(run)
        assert (reason == "") == may
        if may:
            self.holder, self.due_at = None, None
            if status != "paused":
                self.open.pop(run.session_id)

    @precondition(lambda self: self.goes_on_by_itself and self.holder is None)
    @rule()
    def connect_again(self) -> None:
        """A session that waited for a good token goes on."""
        connected = self.do(
            a_page(self.database, self.org_id, facebook_page_id=META_PAGE, clock=self.clock)
        )
        assert connected == self.page_id
        if self.due_at is None:
            self.due_at = self.now

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        extended = self.do(
            self.locks.extend_sync_lock(self.org_id, self.page_id, run.token, LEASE_SECONDS)
        )
        assert extended == self._holds(run)
        if extended:
            self.free_at = self.now + LEASE_SECONDS

    @rule(seconds=st.sampled_from([1.0, 30.0, LEASE_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.clock.forward(seconds)
        self.now += seconds

    @rule()
    def clean_up(self) -> None:
        self.do(
            self.locks.cleanup_expired_locks(
                limit=10, every_seconds=1, traceparent=new_root().traceparent
            )
        )

    @invariant()
    def what_is_stored_is_what_holders_saved(self) -> None:
        if not hasattr(self, "page_id"):
            return
        counted = "select count(*) from sync.contact_interaction_events"
        assert self.do(self.admin.fetchval(counted)) == self.stored
        unended = "select count(*) from sync.sync_state where status in ('running', 'paused')"
        assert self.do(self.admin.fetchval(unended)) == len(self.open)
        due = self.do(self.admin.fetchval("select max(due_at) from sync.sync_state"))
        assert due == (None if self.due_at is None else later(self.due_at))


def test_only_the_holder_of_the_lease_ever_writes(template_url: str) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        url = runner.run(stack.enter_async_context(copy_of(template_url)))
        config = config_for(with_login(url, "waybill_sync"))
        LocksAndSessions.loop = runner
        LocksAndSessions.database = runner.run(stack.enter_async_context(pooled("sync", config)))
        LocksAndSessions.admin = runner.run(asyncpg.connect(url))
        try:
            run_state_machine_as_test(
                LocksAndSessions,
                settings=settings(
                    max_examples=examples(25),
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(LocksAndSessions.admin.close())
            runner.run(stack.aclose())
