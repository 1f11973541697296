"""Webhooks and pulls converge on the same rows, in whatever order and however often they come."""

import asyncio
import contextlib
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from sandbox.meta_pages import iso
from services.chassis.database import Database, pooled
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.graph_lists import parse_list, parse_messages
from services.sync.pending_messages import pending_messages_of
from services.sync.pulled_batches import batch_of_list, batch_of_messages
from services.sync.records.events import ReportedPageEvent
from services.sync.records.pulls import PulledBatch
from services.sync.store.conversations import ConversationStore
from services.sync.webhook_events import parse_event
from tests.conftest import config_for, copy_of, with_login
from tests.sampling import examples
from tests.schema.sync.builders import NOW, ORG, Admin, a_conversation, a_message, a_page

PAGE = "700"
COMPARED = """
  select m.contact_external_id, m.thread_id, m.contact_name, m.message_count, m.listed_at,
    m.active_at, m.completeness, e.type, e.direction, e.actor, e.target, e.message_id,
    e.occurred_at, e.content_hash, e.content_at, e.text, e.payload, e.seen_by_webhook,
    e.seen_by_pull
  from sync.messenger_conversations m
  left join sync.contact_interaction_events e using (org_id, conversation_id)
  where m.org_id = $1
  order by m.contact_external_id, e.message_id, e.type, e.target, e.occurred_at, e.content_hash
"""
VERSIONS = """
  select contact_external_id, version from sync.messenger_conversations
  where org_id = $1 order by 1
"""
SAID = 1_790_000_000


def webhook(contact: str, number: int, kind: str) -> dict[str, Any]:
    """A webhook's event about the contact's message of that number."""
    mid = f"mid.{contact}:{number}"
    event: dict[str, Any] = {
        "sender": {"id": contact},
        "recipient": {"id": PAGE},
        "timestamp": (SAID + number) * 1000 + 137,
    }
    parts: dict[str, dict[str, Any]] = {
        "message": {"message": {"mid": mid, "text": f"text {number}"}},
        "echo": {
            "sender": {"id": PAGE},
            "recipient": {"id": contact},
            "message": {"mid": mid, "text": f"text {number}", "is_echo": True},
        },
        "postback": {"postback": {"mid": mid, "title": "Start", "payload": "GO"}},
        "reaction": {"reaction": {"mid": mid, "action": "react", "emoji": "❤"}},
        "edit": {"message_edit": {"mid": mid, "text": "edited", "num_edit": "1"}},
        "delete": {"message": {"mid": mid, "is_deleted": True}},
        "read": {"read": {"watermark": (SAID + number) * 1000}},
        "delivery": {"delivery": {"mids": [mid], "watermark": (SAID + number) * 1000}},
    }
    return event | parts[kind]


def listed(contact: str, upto: int, seen_at: int) -> dict[str, Any]:
    """The conversation as a pull at that time lists it."""
    messages = [
        {
            # The Graph API's older spelling of the same id.
            "id": f"m_mid.{contact}:{number}",
            "created_time": iso(SAID + number),
            "from": {"id": contact if number % 2 == 0 else PAGE},
            "message": f"text {number}",
        }
        for number in range(upto, -1, -1)
    ]
    return {
        "id": f"t_{contact}",
        "updated_time": iso(SAID + upto + seen_at),
        "message_count": upto + 1,
        "participants": {"data": [{"id": contact, "name": f"Name {seen_at}"}, {"id": PAGE}]},
        "messages": {"data": messages},
    }


def cut(contact: str, upto: int, seen_at: int) -> dict[str, Any]:
    """The same, but only the newest message came along."""
    whole = listed(contact, upto, seen_at)
    newest = whole["messages"]["data"][:1]
    paging = {"next": "https://graph.facebook.com/", "cursors": {"after": "older"}}
    return {**whole, "messages": {"data": newest, "paging": paging if upto else {}}}


def rows_of(origin: str, item: dict[str, Any]) -> PulledBatch:
    """What a pull stores of it: "rest" is what a conversation that was listed `cut` owes."""
    page = parse_list(json.dumps({"data": [item]}).encode(), PAGE)
    if origin == "pull":
        return batch_of_list(page)
    whole = item["messages"]["data"]
    listed_cut = {**item, "messages": {"data": whole[:1], "paging": {"next": "x?after=older"}}}
    (pending,) = pending_messages_of(
        parse_list(json.dumps({"data": [listed_cut]}).encode(), PAGE), ()
    )
    rest = json.dumps({"data": whole[1:]}).encode()
    return batch_of_messages(pending, parse_messages(rest, PAGE, pending.updated_at))


contacts = st.sampled_from(["a", "b"])
numbers = st.integers(0, 3)
kinds = st.sampled_from(
    ["message", "echo", "postback", "reaction", "edit", "delete", "read", "delivery"]
)
webhooks = st.tuples(contacts, numbers, kinds).map(lambda each: ("webhook", webhook(*each)))
pulls = st.tuples(contacts, numbers, st.integers(0, 3)).map(lambda each: ("pull", listed(*each)))
seen = st.tuples(contacts, numbers, st.integers(0, 3))
parts = seen.map(lambda each: ("pull", cut(*each)))
rests = seen.map(lambda each: ("rest", listed(*each)))
histories = st.lists(st.one_of(webhooks, pulls, parts, rests), min_size=1, max_size=10)


async def report(
    store: ConversationStore,
    org_id: Any,
    page_id: Any,
    reported: Sequence[tuple[str, dict[str, Any]]],
) -> None:
    """Everything of one origin in one call."""
    events = []
    for _, event in (each for each in reported if each[0] == "webhook"):
        event_id, reported_at = new_id(), NOW
        parsed = parse_event(
            json.dumps(event), facebook_page_id=PAGE, event_id=event_id, reported_at=reported_at
        )
        events.append(
            ReportedPageEvent(
                org_id=org_id,
                event_id=event_id,
                platform="messenger",
                facebook_page_id=PAGE,
                contact_external_id=parsed.contact_external_id,
                interaction=parsed.interaction,
                reject=None,
                reported_at=reported_at,
                trace=new_root(),
            )
        )
    if events:
        await store.record_page_events(events)
    pulled = [rows_of(origin, item) for origin, item in reported if origin != "webhook"]
    if conversations := [each for rows in pulled for each in rows.conversations]:
        await store.bulk_upsert_conversations_with_events(
            org_id, page_id, conversations, "pull", traceparent=new_root().traceparent
        )


def test_every_order_duplication_and_split_ends_in_the_same_rows(template_url: str) -> None:
    with asyncio.Runner() as runner:
        copying = copy_of(template_url)
        url = runner.run(copying.__aenter__())
        admin = runner.run(asyncpg.connect(url))
        opening = pooled("sync", config_for(with_login(url, "waybill_sync")))
        database = runner.run(opening.__aenter__())
        try:

            @settings(
                max_examples=examples(60),
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
            )
            @given(history=histories, seed=st.integers(0, 2**16))
            def converges(history: list[tuple[str, dict[str, Any]]], seed: int) -> None:
                runner.run(check(database, admin, history, random.Random(seed)))

            converges()
        finally:
            runner.run(opening.__aexit__(None, None, None))
            runner.run(admin.close())
            runner.run(copying.__aexit__(None, None, None))


async def check(
    database: Database,
    admin: Admin,
    history: list[tuple[str, dict[str, Any]]],
    chance: random.Random,
) -> None:
    """Reported once in order, and reported shuffled, again and in parts of any size: the same rows.

    Reported once more, whatever the order, nothing changes, the versions included.
    """
    store = ConversationStore(database)
    results = []
    shuffled = history + chance.choices(history, k=len(history) // 2)
    chance.shuffle(shuffled)
    for reported, whole in ((history, True), (shuffled, False)):
        org_id = uuid4()
        page_id = await a_page(database, org_id, facebook_page_id=PAGE)
        sizes = [1] * len(reported) if whole else sizes_of(reported, chance)
        await report_in_parts(store, org_id, page_id, reported, sizes)
        rows = [tuple(row) for row in await admin.fetch(COMPARED, org_id)]
        versions = [tuple(row) for row in await admin.fetch(VERSIONS, org_id)]
        assert all(1 <= version <= len(reported) for _, version in versions)
        again = list(reported)
        chance.shuffle(again)
        await report_in_parts(store, org_id, page_id, again, sizes_of(again, chance))
        assert [tuple(row) for row in await admin.fetch(COMPARED, org_id)] == rows
        assert [tuple(row) for row in await admin.fetch(VERSIONS, org_id)] == versions
        results.append(rows)
    assert results[0] == results[1]
    books = await admin.fetch("select equation, violations from sync.verify_books()")
    assert [row for row in books if row["violations"]] == []


def sizes_of(reported: Sequence[Any], chance: random.Random) -> list[int]:
    """Sizes of the parts that it is reported in."""
    sizes: list[int] = []
    while sum(sizes) < len(reported):
        sizes.append(chance.randint(1, len(reported) - sum(sizes)))
    return sizes


async def report_in_parts(
    store: ConversationStore,
    org_id: Any,
    page_id: Any,
    reported: Sequence[tuple[str, dict[str, Any]]],
    sizes: Sequence[int],
) -> None:
    start = 0
    for size in sizes:
        await report(store, org_id, page_id, reported[start : start + size])
        start += size


@pytest.mark.parametrize("better", ["truncated_20", "to_overlap", "full"])
async def test_of_two_pulls_of_one_second_the_better_one_says_how_complete_it_is(
    sync_db: Database, admin: Admin, better: str
) -> None:
    store = ConversationStore(sync_db)
    for order in (("partial", better), (better, "partial")):
        org_id = uuid4()
        page_id = await a_page(sync_db, org_id)
        for each in order:
            conversation = a_conversation([a_message("m_1")], completeness=each)
            await store.bulk_upsert_conversations_with_events(
                org_id, page_id, [conversation], "pull", traceparent=new_root().traceparent
            )
        state = "select completeness from sync.messenger_conversations where org_id = $1"
        assert await admin.fetchval(state, org_id) == better
        # One that knows of more messages, or is newer, is believed whatever it says.
        for listed_at in (NOW, NOW + timedelta(seconds=1)):
            worse = a_conversation(completeness="partial", message_count=9, listed_at=listed_at)
            await store.bulk_upsert_conversations_with_events(
                org_id, page_id, [worse], "pull", traceparent=new_root().traceparent
            )
            assert await admin.fetchval(state, org_id) == "partial"


async def test_a_second_telling_changes_no_row_and_no_version(
    sync_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    page_id, store = await a_page(sync_db, org_id), ConversationStore(sync_db)
    conversation = a_conversation([a_message("m_1"), a_message("m_2")])
    for outcome in ("stored", "duplicate"):
        rows = await store.bulk_upsert_conversations_with_events(
            org_id, page_id, [conversation], "pull", traceparent=new_root().traceparent
        )
        assert {row.outcome for row in rows} == {outcome}
        assert {row.version for row in rows} == {1}


async def test_each_call_that_changes_a_conversation_raises_its_version_by_one(
    sync_db: Database,
) -> None:
    org_id = uuid4()
    page_id, store = await a_page(sync_db, org_id), ConversationStore(sync_db)
    versions = []
    for changes in (
        {"interactions": (a_message("m_1"),)},
        {"interactions": (a_message("m_2"), a_message("m_3"))},
        {"contact_name": "Ada L.", "listed_at": NOW + timedelta(seconds=1)},
        {"contact_name": "older and not believed", "listed_at": NOW},
    ):
        rows = await store.bulk_upsert_conversations_with_events(
            org_id, page_id, [a_conversation(**changes)], "pull", traceparent=new_root().traceparent
        )
        versions.append(rows[-1].version)
    assert versions == [1, 2, 3, 3]


async def test_concurrent_tellings_of_one_message_leave_one_row(
    sync_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    page_id, store = await a_page(sync_db, org_id), ConversationStore(sync_db)
    tellings = [a_conversation([a_message("m_1", text=f"{n}")]) for n in range(100)]
    await asyncio.gather(
        *(
            store.bulk_upsert_conversations_with_events(
                org_id, page_id, [each], "pull", traceparent=new_root().traceparent
            )
            for each in tellings
        )
    )
    assert await admin.fetchval("select count(*) from sync.messenger_conversations") == 1
    assert await admin.fetchval("select count(*) from sync.contact_interaction_events") == 1
    assert await admin.fetchval("select stored from sync.sync_ledger") == 1


async def test_events_without_an_id_are_told_apart_by_what_they_are_about(
    sync_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    page_id, store = await a_page(sync_db, org_id), ConversationStore(sync_db)
    reported = [
        a_message(message_id=None, type=kind, target=target, payload={"n": n})
        for kind in ("reaction", "read")
        for target in ("m_1", "m_2")
        for n in (1, 2)
    ]
    # The builder gives each message an id where none is asked for.
    bare = [replace(each, message_id=None) for each in reported]
    for _ in range(2):
        await store.bulk_upsert_conversations_with_events(
            org_id,
            page_id,
            [a_conversation(bare + bare)],
            "webhook",
            traceparent=new_root().traceparent,
        )
    assert await admin.fetchval("select count(*) from sync.contact_interaction_events") == 8


async def test_composite_arrays_are_sent_after_a_reconnect_too(
    sync_db: Database, admin: Admin
) -> None:
    page_id, store = await a_page(sync_db, ORG), ConversationStore(sync_db)

    async def upsert(message_id: str) -> None:
        payload = {"text": 'a "quoted" (text), {with} \\ marks', "none": None, "list": [1, 2.5]}
        conversation = a_conversation([a_message(message_id, payload=payload)])
        await store.bulk_upsert_conversations_with_events(
            ORG, page_id, [conversation], "pull", traceparent=new_root().traceparent
        )

    for number in range(10):
        await upsert(f"m_{number}")
    gone = await admin.fetchval(
        """select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
           where usename = 'waybill_sync' and datname = current_database()"""
    )
    assert gone >= 1
    for number in range(10, 10 + gone + 1):
        # Each connection that ended is noticed by the call that meets it.
        with contextlib.suppress(DomainError):
            await upsert(f"m_{number}")
    await upsert("m_last")
    stored = await admin.fetchval(
        "select payload::text from sync.contact_interaction_events where message_id = 'm_last'"
    )
    assert json.loads(stored)["text"] == 'a "quoted" (text), {with} \\ marks'
