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
from services.sync.rows import Rows
from services.sync.store.locks import LockStore
from services.sync.store.sessions import Run, RunEnd, SessionStore
from tests.conftest import config_for, copy_of, with_login
from tests.schema.sync.builders import (
    LEASE_SECONDS,
    MovedClock,
    a_conversation,
    a_message,
    a_page,
)

Answer = TypeVar("Answer")


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
        self.page_id = self.do(a_page(self.database, self.org_id))
        self.runs: list[Run] = []
        self.versions: dict[UUID, int] = {}
        self.holder: Run | None = None
        self.free_at = 0.0
        self.now = 0.0
        self.stored = 0
        self.open: dict[UUID, str] = {}

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

    def _begun(self, run: Run) -> None:
        self.runs.append(run)
        self.versions[run.session_id] = run.version
        self.holder, self.free_at = run, self.now + LEASE_SECONDS

    def _start(self, resume: UUID | None) -> tuple[Run | None, str]:
        run, reason = self.refusal(
            self.store.start_sync(
                org_id=self.org_id,
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
        assert (reason == "SYNC_IN_PROGRESS") == self.is_held
        if run is not None:
            self.open = {run.session_id: "running"}
            self._begun(run)

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
        rows = Rows(conversations=(a_conversation([a_message()]),))
        version = self.versions[run.session_id]
        saved, reason = self.refusal(self.store.save_sync_page(run, version, Position(), rows))
        may = self.is_held and self.holder is not None and run.token == self.holder.token
        assert (saved is not None) == may, reason
        if saved is not None:
            self.versions[run.session_id] = saved.version
            self.stored += 1
            self.free_at = self.now + LEASE_SECONDS

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), status=st.sampled_from(["paused", "completed", "failed"]))
    def end(self, data: st.DataObject, status: str) -> None:
        run = data.draw(st.sampled_from(self.runs))
        version = self.versions[run.session_id]
        _, reason = self.refusal(
            self.store.end_sync_run(run, version, RunEnd(status=status, outcome="time"))
        )
        may = self.is_held and self.holder is not None and run.token == self.holder.token
        assert (reason == "") == may
        if may:
            self.holder = None
            if status != "paused":
                self.open.pop(run.session_id)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.runs))
        extended = self.do(
            self.locks.extend_sync_lock(self.org_id, self.page_id, run.token, LEASE_SECONDS)
        )
        may = self.is_held and self.holder is not None and run.token == self.holder.token
        assert extended == may
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
                    max_examples=25,
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(LocksAndSessions.admin.close())
            runner.run(stack.aclose())
