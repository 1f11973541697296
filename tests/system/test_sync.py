"""Sync as a process among the others: the sample through the edge, and webhooks into rows."""

import json
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from deploy.local.sync_samples import CONVERSATIONS, SyncSamples
from sandbox.meta_json import meta_bytes
from sandbox.meta_webhooks import send
from tests.system.waiting import until


async def test_the_sample_reads_the_whole_page_in_one_session_of_several_runs(
    stack: Stack, customer: Customer, rows: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    samples = SyncSamples(customer, edge_url=stack.edge_url, meta_url=stack.meta_url)
    await samples.page_conversations()
    org_id = UUID(customer.org_id)
    (session,) = await rows.fetch(
        """select s.status, s.completeness, s.conversations_new,
             (select count(*) from sync.sync_runs r where r.session_id = s.session_id) as runs
           from sync.sync_state s where s.org_id = $1""",
        org_id,
    )
    assert (session["status"], session["completeness"]) == ("completed", "full")
    assert session["conversations_new"] == CONVERSATIONS
    assert session["runs"] >= 2
    stored = await rows.fetchrow(
        """select count(*) as conversations, count(*) filter (where completeness = 'full') as whole
           from sync.messenger_conversations where org_id = $1""",
        org_id,
    )
    assert stored is not None
    assert (stored["conversations"], stored["whole"]) == (CONVERSATIONS, CONVERSATIONS)


@pytest.mark.parametrize(
    "part",
    [
        {"message": {"mid": "m_1", "text": "hello"}},
        {"message": {"mid": "m_2", "text": "hi", "is_echo": True}},
        {"postback": {"mid": "m_3", "title": "Start"}},
        {"reaction": {"mid": "m_1", "emoji": "x", "action": "react"}},
        {"message_edit": {"mid": "m_1", "text": "better", "num_edit": 1}},
        {"message": {"mid": "m_1", "is_deleted": True}},
        {"read": {"watermark": 1_790_000_000_000}},
        {"delivery": {"mids": ["m_2"], "watermark": 1_790_000_000_000}},
        {"message": {"mid": "m_4", "text": "nul \x00 and half \ud800"}},
    ],
    ids=["message", "echo", "postback", "reaction", "edit", "delete", "read", "delivery", "nul"],
)
async def test_each_kind_of_webhook_event_reaches_the_timeline_in_its_own_trace(
    stack: Stack,
    customer: Customer,
    rows: "asyncpg.Connection[asyncpg.Record]",
    part: dict[str, object],
) -> None:
    page_id = customer.org.page_id
    event = {
        "sender": {"id": "8100"},
        "recipient": {"id": page_id},
        "timestamp": 1_790_000_000_123,
        **part,
    }
    entry = {"id": page_id, "time": 1_790_000_000_500, "messaging": [event]}
    body = meta_bytes({"object": "page", "entry": [entry]})
    answer = await send(stack.edge_url + "/webhooks/meta", body, customer.app_secret)
    assert answer.status == 200

    async def recorded() -> "asyncpg.Record | None":
        return await rows.fetchrow(
            """select t.outcome, t.trace_id as reported, e.trace_id as event, i.trace_id as item
               from sync.told_events t
               join sync.contact_interaction_events e using (org_id, event_id)
               join ingest.webhook_items i on i.org_id = t.org_id and i.item_id = t.event_id
               where t.org_id = $1""",
            UUID(customer.org_id),
        )

    row = await until(recorded)
    assert row["outcome"] == "stored"
    assert row["reported"] == row["event"] == row["item"]


async def test_a_second_start_is_409_with_its_details(
    stack: Stack, customer: Customer, session: aiohttp.ClientSession,
    rows: "asyncpg.Connection[asyncpg.Record]",
) -> None:  # fmt: skip
    page = (
        await customer.api.post(
            "/api/pages",
            {"platform": "messenger", "facebookPageId": "4711", "accessToken": "sandbox"},
        )
    )["page"]
    await rows.execute(
        """insert into sync.sync_locks values
           ($1, $2, 'a test', now(), now() + interval '50 seconds', gen_random_uuid(), null,
            repeat('a', 32))""",
        UUID(customer.org_id),
        UUID(page["pageId"]),
    )
    body = {"pageId": page["pageId"], "facebookPageId": "4711", "resumeSession": None}
    headers = {"Authorization": f"Bearer {customer.api.token}"}
    url = f"{stack.edge_url}/api/conversations/sync"
    async with session.post(url, json=body, headers=headers) as answer:
        assert answer.status == 409
        refusal = json.loads(await answer.text())
    assert refusal["message"] == (
        "Sync already in progress for this page. Please wait for it to complete."
    )
    assert "expires_at" in json.dumps(refusal)
