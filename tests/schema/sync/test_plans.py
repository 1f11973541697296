"""What the lists' statements do with a quarter of a million rows, as the service's role."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.plans import filling, plans_of, rows_looked_at
from tests.schema.sync.builders import Admin

TABLES = ("messenger_conversations", "contact_interaction_events", "sync_rejects")
ROWS = 250_000
# What a page of a hundred may look at, with what belongs to each row.
ROWS_MAX = 4_000
# Every twentieth is of another org; every second of the org's is of one page, and every hundredth
# event is of one conversation.
FILL = """
  with made as materialized (
    select n, lpad(to_hex(n), 32, '0')::uuid as id, repeat('a', 32) as trace_id,
      case when n % 20 = 0 then $2::uuid else $1::uuid end as org_id,
      case when n % 2 = 1 then $3::uuid else $4::uuid end as page_id,
      timestamptz '2026-11-20' + make_interval(secs => n) as at
    from generate_series(1, $5::int) n
  ), conversations as (
    insert into sync.messenger_conversations (org_id, conversation_id, page_id,
      contact_external_id, active_at, created_at, trace_id)
    select m.org_id, m.id, m.page_id, m.n::text, m.at, m.at, m.trace_id
    from made m
  ), events as (
    insert into sync.contact_interaction_events (org_id, event_id, scope, page_id,
      conversation_id, type, direction, message_id, occurred_at, content_hash, content_at,
      created_at, trace_id)
    select m.org_id, m.id, m.page_id::text, m.page_id,
      case when m.n % 100 = 1 then '00000000-0000-0000-0000-000000000065' else m.id end,
      'message', 'in', 'm' || m.n, m.at, '', m.at, m.at, m.trace_id
    from made m
  )
  insert into sync.sync_rejects (org_id, reject_id, page_id, origin, kind, reason, raw_hash, raw,
    created_at, trace_id)
  select m.org_id, m.id, m.page_id, 'pull', 'message', 'unreadable', m.n::text, '{}', m.at,
    m.trace_id
  from made m
"""
OLD = UUID(int=101)
LONG_AGO = datetime(2026, 11, 20, 0, 1, 41, tzinfo=UTC)


async def test_every_page_of_a_list_and_each_single_row_is_found_by_index(
    sync_db: Database, admin: Admin
) -> None:
    org_id, page_id = uuid4(), uuid4()
    async with filling(admin, "sync", *TABLES):
        await admin.execute(FILL, org_id, uuid4(), page_id, uuid4(), ROWS)
    newest, oldest = (None, None), (LONG_AGO, OLD)
    cases: list[tuple[str, tuple[Any, ...]]] = [
        ("list_conversations($1, null, null, null, 100, $2, $3)", (org_id, *newest)),
        ("list_conversations($1, null, null, null, 100, $2, $3)", (org_id, *oldest)),
        ("list_conversations($1, $2, null, null, 100, $3, $4)", (org_id, page_id, *newest)),
        ("list_conversations($1, $2, null, null, 100, $3, $4)", (org_id, page_id, *oldest)),
        ("list_conversations($1, null, $2, null, 1)", (org_id, OLD)),
        ("list_conversation_events($1, $2, 100, $3, $4)", (org_id, OLD, *newest)),
        ("list_conversation_events($1, $2, 100, $3, $4)", (org_id, OLD, *oldest)),
        ("list_sync_rejects($1, 100, $2, $3)", (org_id, *newest)),
        ("list_sync_rejects($1, 100, $2, $3)", (org_id, *oldest)),
    ]
    for call, arguments in cases:
        plans = await plans_of(admin, "sync", TABLES, call, *arguments)
        told = f"{call} of {arguments}:\n" + "\n".join(plans)
        assert plans, told
        assert not re.search(r"Seq Scan", told), told
        assert rows_looked_at(plans, TABLES) < ROWS_MAX, told
