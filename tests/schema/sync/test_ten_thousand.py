"""10,000 conversations with 100,000 messages, on a moved clock shared with the emulator."""

import hashlib

from deploy.edge.config import LONG_DEADLINE_SECONDS
from sandbox.meta_conversations import Behaviour, PageOrder
from services.chassis.database import Database
from services.sync.config import SyncConfig
from services.sync.edge.syncs import budget_within
from services.sync.policies import run_budget
from services.sync.records.pulls import PullerPolicy
from tests.schema.sync.builders import Admin
from tests.schema.sync.pulling import a_world

# What a request through the edge has, where Meta takes most of a second to answer.
SESSION = budget_within(run_budget(SyncConfig.model_construct()), LONG_DEADLINE_SECONDS)
ANSWER_SECONDS = 0.8
SESSIONS_MAX = 5
CALLS_PER_SECOND_MAX = 2


async def test_ten_thousand_conversations_are_stored_exactly_in_at_most_five_sessions(
    sync_db: Database, admin: Admin
) -> None:
    order = PageOrder(conversations=10_000, messages_min=10, messages_max=10)
    behaviour = Behaviour(empty_every=25, moves_per_call=0)
    async with a_world(sync_db, order, behaviour) as world:
        world.answer_seconds = ANSWER_SECONDS
        sessions, end = await world.pull_to_the_end(
            budget=SESSION, policy=PullerPolicy(list_limit=100)
        )
        assert sessions <= SESSIONS_MAX
        assert end.completeness == "full"
        emulator = world.platform.conversations
        assert emulator.busiest_second(world.facebook_page_id) <= CALLS_PER_SECOND_MAX
        assert emulator.refused == {}
        shown = sorted(
            f"{thread.contact_id} {said.id} {said.text}"
            for thread in world.page.threads
            for said in thread.messages
        )
    assert len(shown) == 100_000
    stored = await admin.fetchrow(
        """select count(*) as messages, count(distinct conversation_id) as conversations,
             encode(sha256(
               string_agg(line, e'\\n' order by line collate "C")::bytea), 'hex') as hash
           from (
             select m.contact_external_id || ' ' || e.message_id || ' ' || e.text as line,
               conversation_id
             from sync.messenger_conversations m
             join sync.contact_interaction_events e using (org_id, conversation_id)) lines"""
    )
    assert stored is not None
    assert (stored["conversations"], stored["messages"]) == (10_000, 100_000)
    assert stored["hash"] == hashlib.sha256("\n".join(shown).encode()).hexdigest()
    books = await admin.fetch("select equation from sync.verify_books() where violation_count > 0")
    assert books == []
