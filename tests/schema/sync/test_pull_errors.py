"""Each error of the Graph API through a pull, and what no answer should hold."""

import json
from typing import Any

import pytest

from sandbox import meta_conversations
from sandbox.meta_conversations import Behaviour, PageOrder
from sandbox.meta_faults import error_body
from services.chassis.database import Database
from services.sync.backoff import DELAYS_SECONDS
from services.sync.records.pulls import PullBudget, PullerPolicy
from tests.schema.sync.builders import Admin, later
from tests.schema.sync.pulling import AMPLE, a_world, holding_books

TWO_CALLS = PullBudget(seconds=99, calls=2, new_rows=10**6)


async def held_leases(admin: Admin) -> int:
    counted: int = await admin.fetchval("select count(*) from sync.sync_locks")
    return counted


async def test_an_unknown_error_is_tried_again_later_and_later_and_then_no_more(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=40)) as world:
        run, _ = await world.pull(budget=TWO_CALLS)
        # The page before is read again and answered well; it leads no further.
        world.behave(error_calls=1000, error_code=2)
        for failures, seconds in enumerate(DELAYS_SECONDS, 1):
            _, end = await world.pull(resume=run.session_id)
            assert (end.status, end.outcome, end.error) == ("paused", "error", "graph 400 (2/None)")
            assert (end.failures, end.due_seconds) == (failures, seconds)
            assert await held_leases(admin) == 0
        _, end = await world.pull(resume=run.session_id)
        assert (end.status, end.outcome) == ("failed", "failed")


async def test_what_always_fails_after_the_page_that_is_read_again_ends_too(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=40)) as world:
        run, end = await world.pull(budget=TWO_CALLS)
        runs = 0
        while end.status == "paused":
            runs += 1
            assert runs < 30
            calls_before = len(world.page.calls_at)
            world.clock.forward(10_000)
            world.behave(error_after=1, error_calls=1)
            _, end = await world.pull(resume=run.session_id)
            assert len(world.page.calls_at) == calls_before + 2
        assert end.status == "failed"
        assert runs == len(DELAYS_SECONDS) + 1


async def test_an_outage_in_between_costs_only_time(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=40)) as world:
        run, _ = await world.pull(budget=TWO_CALLS)
        world.behave(error_calls=1, error_code=1)
        _, end = await world.pull(resume=run.session_id)
        assert (end.outcome, end.failures, end.due_at) == (
            "error", 1, world.clock.now() + (later(2) - later(0)),
        )  # fmt: skip
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()


@pytest.mark.parametrize(("code", "status"), [(10, "forbidden"), (200, "forbidden"), (190, "dead")])
async def test_a_missing_permission_or_token_waits_for_a_person(
    sync_db: Database, admin: Admin, code: int, status: str
) -> None:
    async with a_world(sync_db, PageOrder(conversations=40)) as world:
        world.behave(error_calls=1, error_code=code)
        _, end = await world.pull()
        assert (end.status, end.outcome, end.token_status) == ("paused", "token", status)
    state = "select token_status || ' ' || token_error from sync.pages"
    assert await admin.fetchval(state) == f"{status} graph 400 ({code}/None)"
    assert await held_leases(admin) == 0


@pytest.mark.parametrize("code", [4, 341])
@pytest.mark.parametrize("app", ["", "500100200300"], ids=["unknown app", "known app"])
async def test_a_limit_of_the_app_stops_the_page_and_every_other_one_of_that_app(
    sync_db: Database, admin: Admin, code: int, app: str
) -> None:
    async with (
        a_world(sync_db, PageOrder(conversations=40)) as world,
        a_world(sync_db, PageOrder(conversations=4)) as other,
    ):
        await admin.execute("update sync.pages set external_app_id = $1", app)
        world.behave(error_calls=1, error_code=code)
        run, end = await world.pull()
        assert (end.status, end.outcome, end.due_at) == ("paused", "limited", later(600))
        assert (len(world.page.calls_at), world.clock.now()) == (1, later(0))
        if app:
            _, end = await other.pull()
            assert (end.outcome, other.page.calls_at) == ("limited", [])
        world.clock.forward(600)
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"
    assert await held_leases(admin) == 0


async def test_less_is_asked_for_while_it_is_too_much_of_ids_and_messages_too(
    sync_db: Database, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, asked = meta_conversations._list_page, []

    def no_more_than_20(page: Any, request: Any) -> dict[str, Any]:
        asked.append(int(request.query["limit"]))
        if asked[-1] > 20:
            raise meta_conversations.RefusedCall(error_body(1, meta_conversations._TOO_MUCH))
        return shown(page, request)

    monkeypatch.setattr(meta_conversations, "_list_page", no_more_than_20)
    async with a_world(sync_db, PageOrder(conversations=60, messages_min=1)) as world:
        _, end = await world.pull(policy=PullerPolicy(list_limit=80))
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()
        assert asked[:3] == [80, 40, 20]
        # Ids come five times as many, and are asked for in smaller parts too.
        assert {100, 50, 25} & set(asked)


async def test_after_success_as_much_is_asked_for_as_before(sync_db: Database) -> None:
    order = PageOrder(conversations=100, messages_min=1, messages_max=1)
    async with a_world(sync_db, order, Behaviour(reduce_above=3)) as world:
        run, _ = await world.pull(budget=PullBudget(seconds=99, calls=5, new_rows=10**6))
        world.behave(reduce_above=0)
        before = len(world.page.calls_at)
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"
        # At two a call it would be fifty for the list alone.
        assert len(world.page.calls_at) - before < 35


def answering(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the emulator's pages of the list changed so before they are sent."""
    shown = meta_conversations._list_page

    def changed(page: Any, request: Any) -> dict[str, Any]:
        answer = shown(page, request)
        change(answer)
        return answer

    monkeypatch.setattr(meta_conversations, "_list_page", changed)
    monkeypatch.setattr(meta_conversations, "meta_bytes", lambda body: json.dumps(body).encode())


def nul_cursor(answer: dict[str, Any]) -> None:
    answer["paging"] = {"next": "https://x?access_token=SECRET", "cursors": {"after": "a\0b"}}


def no_data(answer: dict[str, Any]) -> None:
    del answer["data"]
    answer["paging"] = {"next": "https://x?access_token=SECRET&after=x"}


@pytest.mark.parametrize("change", [nul_cursor, no_data])
async def test_a_page_that_cannot_be_read_is_kept_counted_and_tried_a_bounded_number_of_times(
    sync_db: Database, admin: Admin, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    answering(change, monkeypatch)
    async with a_world(sync_db, PageOrder(conversations=4)) as world:
        run, end = await world.pull()
        for _ in range(len(DELAYS_SECONDS)):
            assert (end.status, end.outcome) == ("paused", "error")
            _, end = await world.pull(resume=run.session_id)
        assert end.status == "failed"
    rows = await admin.fetch("select kind, raw::text as raw from sync.sync_rejects")
    assert {row["kind"] for row in rows} == {"page"}
    assert not [row for row in rows if "SECRET" in row["raw"]]
    assert await admin.fetchval("select rejected from sync.sync_state") == 9
    await holding_books(admin)


async def test_what_a_row_cannot_hold_stops_nothing(
    sync_db: Database, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strange(answer: dict[str, Any]) -> None:
        deep: Any = 1
        for _ in range(800):
            deep = [deep]
        answer["data"].append({"id": "x", "n": float("nan"), "deep": deep})
        for each in answer["data"][:-1]:
            for said in each.get("messages", {}).get("data", []):
                said["shares"] = {"data": [{"id": 10**25, "n": float("inf"), "deep": deep}]}

    answering(strange, monkeypatch)
    async with a_world(sync_db, PageOrder(conversations=4)) as world:
        _, end = await world.pull()
        assert (end.status, end.completeness) == ("completed", "full")
        assert await world.stored(admin) == world.shown()
    assert await admin.fetchval("select count(*) from sync.sync_rejects") == 1


async def test_what_breaks_a_run_gives_the_lease_back_and_ends_the_session_in_the_end(
    sync_db: Database, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("services.sync.pull.parse_list", broken)
    async with a_world(sync_db, PageOrder(conversations=4)) as world:
        run, end = await world.pull()
        assert (end.status, end.outcome, end.error) == ("paused", "error", "RuntimeError")
        assert await held_leases(admin) == 0
        for _ in range(len(DELAYS_SECONDS)):
            _, end = await world.pull(resume=run.session_id, budget=AMPLE)
        assert end.status == "failed"
