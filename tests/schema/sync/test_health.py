"""Pages' health: subscriptions are mended, and what a gap hid is read."""

from datetime import timedelta

from sandbox.meta_conversations import PageOrder
from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.graph import Graph
from services.sync.health import HealthCheck
from services.sync.page_tokens import PageTokens
from services.sync.records.pulls import CallPace
from services.sync.store.pages import PageStore
from services.sync.subscriptions import FIELDS
from services.sync.usage import Usage
from tests.schema.sync.builders import RING, Admin, MovedClock
from tests.schema.sync.pulling import World, a_world


def a_check(world: World) -> HealthCheck:
    return HealthCheck(
        PageStore(world.database, world.clock),
        Graph(world.http, f"{world.url}/v26.0"),
        PageTokens(RING),
        world.clock,
        every_seconds=3600,
        silence_seconds=7200,
        pace=CallPace(),
        session_started=lambda: None,
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
        assert set(world.page.subscribed_fields) == FIELDS["messenger"]
        assert await admin.fetchval("select subscription_status from sync.pages") == "repaired"
        # Nobody listened before: nothing was missed.
        assert await sessions(admin) == []
        # Not due again before an hour has passed.
        assert await a_check(world).step() == 0
        world.clock.forward(3600)
        assert await a_check(world).step() == 1
        assert await admin.fetchval("select subscription_status from sync.pages") == "subscribed"
        world.page.subscribed_fields = []
        world.clock.forward(3600)
        assert await a_check(world).step() == 1
        assert await admin.fetchval("select subscription_status from sync.pages") == "repaired"
        assert await sessions(admin) == [("full", "paused")]


async def test_a_page_that_fell_silent_is_pulled(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=3)) as world:
        await in_time(world, admin)
        world.page.subscribed_fields = sorted(FIELDS["messenger"])
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


async def test_an_answered_check_says_that_an_untried_token_is_good_and_raises_no_dead_one(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder()) as world:
        await in_time(world, admin)
        world.page.subscribed_fields = sorted(FIELDS["messenger"])
        pages = PageStore(sync_db, world.clock)
        (page,) = await pages.claim_pages_to_check(10, 60)
        for before, after in (("unknown", "good"), ("dead", "dead")):
            await admin.execute("update sync.pages set token_status = $1", before)
            await pages.save_page_check(
                page,
                subscription_status="subscribed",
                error=None,
                token_status="good",
                gap=False,
                due_at=world.clock.now(),
                session_id=new_id(),
                traceparent=new_root().traceparent,
            )
            assert await admin.fetchval("select token_status from sync.pages") == after
        await admin.execute("update sync.pages set token_status = 'unknown'")
        assert await a_check(world).step() == 1
        assert await admin.fetchval("select token_status from sync.pages") == "good"


async def test_another_apps_subscription_is_not_ours(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder()) as world:
        await in_time(world, admin)
        world.page.subscribed_fields = sorted(FIELDS["messenger"])
        for app_id, status in (("1", "repaired"), ("500100200300", "subscribed")):
            await admin.execute("update sync.pages set external_app_id = $1", app_id)
            await in_time(world, admin)
            await a_check(world).step()
            assert await admin.fetchval("select subscription_status from sync.pages") == status


async def test_a_missing_field_is_asked_for_with_those_that_are_sent_and_is_no_gap(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder()) as world:
        await admin.execute(
            "update sync.pages set external_app_id = '500100200300', last_webhook_at = $1",
            world.clock.now(),
        )
        await in_time(world, admin)
        world.page.subscribed_fields = ["messages", "feed"]
        await a_check(world).step()
        assert set(world.page.subscribed_fields) == FIELDS["messenger"] | {"feed"}
        assert await sessions(admin) == []


async def test_pages_whose_app_is_not_known_do_not_slow_each_other_down(sync_db: Database) -> None:
    clock = MovedClock()
    pages = PageStore(sync_db, clock)

    async def is_blocked(page_key: str, app_key: str) -> bool:
        slot = await pages.reserve_call(page_key, app_key, CallPace())
        return slot.blocked_for is not None

    for page_key, app_key in (("1", ""), ("2", ""), ("3", "app"), ("4", "app")):
        assert not await is_blocked(page_key, app_key)
    for page_key, app_key in (("1", ""), ("3", "app")):
        await pages.report_usage(
            page_key, app_key, Usage(), app_block_seconds=60, blocked_for="app is at its limit"
        )
    clock.forward(1)
    assert await is_blocked("1", ""), "what is said of its app counts for the page"
    assert not await is_blocked("2", "")
    assert await is_blocked("3", "app")
    assert await is_blocked("4", "app")
