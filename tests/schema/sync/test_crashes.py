"""kill -9 at every checkpoint of a sync, then a resume: the same rows as without."""

import asyncio
import signal
import sys

from services.chassis.database import Database
from services.sync.store.pages import PageStore
from tests.conftest import with_login
from tests.sandbox.meta_conversations import Behaviour, PageOrder
from tests.schema.sync.builders import Admin, a_page
from tests.schema.sync.pulling import World, a_world

# 25 conversations, 5 a call, each owing a page of messages, and the second walk's first page.
ORDER = PageOrder(conversations=12, messages_min=3, messages_max=3)
ROWS = """
  select m.contact_external_id, m.thread_id, m.completeness, m.message_count, e.message_id, e.text
  from sync.messenger_conversations m
  join sync.contact_interaction_events e using (org_id, conversation_id)
  where m.page_id = $1
  order by 1, 5
"""


async def a_run(
    world: World, database_url: str, resume: str, kill_at: int, when: str
) -> tuple[int, str]:
    """A puller's exit code and its session, killed at the checkpoint of that number (0: never)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.schema.sync.pulling_process"),
        *(with_login(database_url, "waybill_sync"), f"{world.url}/v26.0"),
        *(str(world.org_id), str(world.page_id), world.facebook_page_id),
        *(resume, str(kill_at), when),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode().strip().splitlines()[0]


async def test_a_kill_at_every_checkpoint_and_a_resume_end_like_an_uninterrupted_sync(
    sync_db: Database, admin: Admin, database_url: str
) -> None:
    behaviour = Behaviour(limits_calls=False)
    async with a_world(sync_db, ORDER, behaviour) as world:
        code, _ = await a_run(world, database_url, "-", 0, "after")
        assert code == 0
        expected = [tuple(row) for row in await admin.fetch(ROWS, world.page_id)]
        assert len(expected) == 36
        checkpoints = await admin.fetchval("select calls from sync.sync_state")
        assert checkpoints == 4
        for when in ("before", "after"):
            for checkpoint in range(1, checkpoints + 1):
                await forget(admin, world, sync_db)
                code, session = await a_run(world, database_url, "-", checkpoint, when)
                assert code == -signal.SIGKILL
                # The dead holder's lease ends: the clock is moved, not waited for.
                await admin.execute("update sync.sync_locks set expires_at = now()")
                code, resumed = await a_run(world, database_url, session, 0, when)
                assert (code, resumed) == (0, session)
                rows = [tuple(row) for row in await admin.fetch(ROWS, world.page_id)]
                assert rows == expected
                runs = await admin.fetch("select outcome from sync.sync_runs order by number")
                assert [run["outcome"] for run in runs] == ["interrupted", "finished"]
                books = "select equation from sync.verify_books() where violation_count > 0"
                assert await admin.fetch(books) == []


async def forget(admin: Admin, world: World, database: Database) -> None:
    """A page as if it had never been pulled."""
    await admin.execute("truncate sync.pages, sync.call_budgets cascade")
    world.page_id = await a_page(database, world.org_id, facebook_page_id=world.facebook_page_id)
    assert len(await PageStore(database).list_pages(world.org_id, 10)) == 1
