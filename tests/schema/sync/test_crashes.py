"""kill -9 at every checkpoint of a sync, then a resume: the same rows as without."""

import asyncio
import signal
import sys
from dataclasses import dataclass
from uuid import UUID

import pytest

from sandbox.meta_conversations import Behaviour, PageOrder
from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.clock import RealClock
from services.sync.graph import Graph
from services.sync.page_tokens import PageTokens
from services.sync.puller import Puller
from services.sync.records.pulls import PullBudget, RunEnd, SyncRun
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from tests.conftest import with_login
from tests.schema.sync.builders import RING, Admin, a_page
from tests.schema.sync.pulling import World, a_world, holding_books
from tests.schema.sync.pulling_process import QUICK

# 6 conversations, 4 a call, each owing a page of messages; then the ids of all of them.
ORDER = PageOrder(conversations=6, messages_min=3, messages_max=3)
NESTED = Behaviour(limits_calls=False, nested_max=2)
ROWS = """
  select m.contact_external_id, m.thread_id, m.completeness, m.message_count, e.message_id, e.text
  from sync.messenger_conversations m
  join sync.contact_interaction_events e using (org_id, conversation_id)
  where m.page_id = $1
  order by 1, 5
"""


@dataclass(frozen=True, slots=True)
class Killed:
    """How a puller's process ended: its code, its session, the phase of each checkpoint."""

    code: int
    session: UUID
    phases: tuple[str, ...]


async def a_killed_run(
    world: World, database_url: str, resume: UUID | None, *, kill_at: int, when: str
) -> Killed:
    """A puller in a process of its own, killed at the checkpoint of that number (0: never)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.schema.sync.pulling_process"),
        *(with_login(database_url, "waybill_sync"), f"{world.url}/v26.0"),
        *(str(world.org_id), str(world.page_id), world.facebook_page_id),
        *(str(resume or "-"), str(kill_at), when),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    session, *phases = output.decode().split()
    return Killed(process.returncode, UUID(session), tuple(phases))


async def a_run(
    world: World, resume: UUID | None = None, calls: int = 1000
) -> tuple[SyncRun, RunEnd]:
    """The same in this process, on the clock of the other."""
    sessions = SessionStore(world.database, "tester")
    run = await sessions.start_sync(
        world.org_id,
        page_id=world.page_id,
        facebook_page_id=None,
        resume_session=resume,
        session_id=new_id(),
        token=new_id(),
        traceparent=new_root().traceparent,
    )
    graph = Graph(world.http, f"{world.url}/v26.0")
    puller = Puller(
        sessions, PageStore(world.database), graph, PageTokens(RING), RealClock(), QUICK
    )
    return run, await puller.run(run, PullBudget(seconds=60, calls=calls, new_rows=10**6))


@pytest.mark.parametrize("loses_the_place", [False, True], ids=["messages", "proof and fill"])
async def test_a_kill_at_every_checkpoint_and_a_resume_end_like_an_uninterrupted_sync(
    sync_db: Database, admin: Admin, database_url: str, loses_the_place: bool
) -> None:
    behaviour = Behaviour(limits_calls=False) if loses_the_place else NESTED
    async with a_world(sync_db, ORDER, behaviour) as world:

        async def begun() -> UUID | None:
            await forget(admin, world, sync_db)
            if not loses_the_place:
                return None
            run, _ = await a_run(world, calls=1)
            world.behave(reject_cursors=1)
            return run.session_id

        whole = await a_killed_run(world, database_url, await begun(), kill_at=0, when="after")
        assert whole.code == 0
        # Each kind of checkpoint is met, so each is killed at.
        expected_phases = {"proof", "fill", "done"} if loses_the_place else {"messages", "proof"}
        assert expected_phases <= set(whole.phases)
        expected = [tuple(row) for row in await admin.fetch(ROWS, world.page_id)]
        assert len(expected) == 18
        for checkpoint in range(1, len(whole.phases) + 1):
            # Killed before a save is killed after the one before it: one of the two is enough.
            when = "before" if checkpoint % 2 else "after"
            killed = await a_killed_run(
                world, database_url, await begun(), kill_at=checkpoint, when=when
            )
            assert killed.code == -signal.SIGKILL
            # The dead holder's lease ends: the clock is moved, not waited for.
            await admin.execute("update sync.sync_locks set expires_at = now()")
            _, end = await a_run(world, killed.session)
            assert (end.status, end.completeness) == ("completed", "full")
            rows = [tuple(row) for row in await admin.fetch(ROWS, world.page_id)]
            assert rows == expected, checkpoint
            runs = await admin.fetch("select outcome from sync.sync_runs order by number")
            assert [run["outcome"] for run in runs][-2:] == ["interrupted", "finished"]
            await holding_books(admin)


async def forget(admin: Admin, world: World, database: Database) -> None:
    """A page as if it had never been pulled."""
    await admin.execute("truncate sync.pages, sync.call_budgets cascade")
    world.behave(reject_cursors=0)
    world.page_id = await a_page(database, world.org_id, facebook_page_id=world.facebook_page_id)
