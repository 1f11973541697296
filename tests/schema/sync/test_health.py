"""Pages' health: subscriptions are mended, and what a gap hid is read."""

from datetime import timedelta

from services.chassis.database import Database
from services.sync.graph import SUBSCRIBED_FIELDS, Graph
from services.sync.health import HealthCheck
from services.sync.store.pages import Pace, PageStore
from tests.sandbox.meta_conversations import PageOrder
from tests.schema.sync.builders import RING, Admin
from tests.schema.sync.pulling import World, a_world


def a_check(world: World) -> HealthCheck:
    return HealthCheck(
        PageStore(world.database, world.clock),
        Graph(world.http, f"{world.url}/v26.0"),
        RING,
        world.clock,
        every_seconds=3600,
        silence_seconds=7200,
        pace=Pace(),
        started=lambda: None,
    )


async def in_time(world: World, admin: Admin) -> None:
    """The page was connected on the real clock; here the moved one decides."""
    await admin.execute("update sync.pages set check_due_at = $1", world.clock.now())


async def sessions(admin: Admin) -> list[tuple[str, str]]:
    rows = await admin.fetch("select mode, status from sync.sync_state order by started_at")
    return [(row["mode"], row["status"]) for row in rows]


async def test_a_lost_subscription_is_mended_and_what_was_missed_is_read(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=3)) as world:
        await in_time(world, admin)
        assert await a_check(world).step() == 1
        assert world.page.subscribed_fields == list(SUBSCRIBED_FIELDS)
        assert await admin.fetchval("select subscription_status from sync.pages") == "repaired"
        assert await sessions(admin) == [("full", "paused")]
        # Not due again before an hour has passed.
        assert await a_check(world).step() == 0
        world.clock.forward(3600)
        assert await a_check(world).step() == 1
        assert await admin.fetchval("select subscription_status from sync.pages") == "subscribed"
        assert len(await sessions(admin)) == 1


async def test_a_page_that_fell_silent_is_pulled(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=3)) as world:
        await in_time(world, admin)
        world.page.subscribed_fields = ["messages"]
        heard_at = world.clock.now() - timedelta(hours=1)
        await admin.execute("update sync.pages set last_webhook_at = $1", heard_at)
        await a_check(world).step()
        assert await sessions(admin) == []
        world.clock.forward(3601)
        await a_check(world).step()
        assert await sessions(admin) == [("full", "paused")]


async def test_a_dead_token_is_noticed_and_asked_about_no_more(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder()) as world:
        await in_time(world, admin)
        world.page.token = "another"
        await a_check(world).step()
        assert await admin.fetchval("select token_status from sync.pages") == "dead"
        world.clock.forward(36_000)
        assert await a_check(world).step() == 0
