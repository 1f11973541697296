"""What the lists' statements do with a quarter of a million rows, as the service's role."""

import re
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.ingest.builders import Admin, an_org
from tests.schema.plans import filling, plans_of, rows_looked_at

TABLES = ("leads", "webhook_items", "webhook_orphans")
ROWS = 250_000
# What a page of a hundred may look at.
ROWS_MAX = 1_000
# Every twentieth is of another org.
FILL = """
  with made as materialized (
    select n, lpad(to_hex(n), 32, '0')::uuid as id, repeat('a', 32) as trace_id,
      '00-' || repeat('a', 32) || '-' || repeat('b', 16) || '-00' as traceparent,
      case when n % 20 = 0 then $2::uuid else $1::uuid end as org_id,
      timestamptz '2026-11-20' + make_interval(secs => n) as at
    from generate_series(1, $3::int) n
  ), leads as (
    insert into ingest.leads (org_id, lead_id, source_id, contact_id, conversation_id, type,
      received_at, created_at, trace_id, traceparent)
    select m.org_id, m.id, m.org_id, m.id, m.id, 'inquiry', m.at, m.at, m.trace_id, m.traceparent
    from made m
  ), items as (
    insert into ingest.webhook_items (org_id, item_id, log_id, delivery_id, ordinal, kind,
      source_id, payload, status, reason, received_at, due_at, settled_at, trace_id, traceparent,
      linked_traceparent)
    select m.org_id, m.id, m.id, m.id, 0, 'leadgen', m.org_id, '{}',
      case when m.n = 1 then 'dead_letter' else 'stored' end,
      case when m.n = 1 then 'gone' end, m.at, m.at, m.at, m.trace_id, m.traceparent, m.traceparent
    from made m
  )
  insert into ingest.webhook_orphans (delivery_id, ordinal, kind, status, reason, payload,
    received_at, trace_id, item_id, source_kind, source_external_id, traceparent)
  select m.id, 0, 'leadgen', 'ignored', 'unknown', '{}', m.at, m.trace_id, m.id, 'meta_page',
    (m.n % 50)::text, m.traceparent
  from made m
"""
OLD = UUID(int=101)


async def test_every_page_of_a_list_and_each_single_row_is_found_by_index(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    async with filling(admin, "ingest", *TABLES):
        await admin.execute(FILL, org.org_id, uuid4(), ROWS)
    cases: list[tuple[str, tuple[Any, ...]]] = [
        ("list_leads($1, null, 100, $2)", (org.org_id, None)),
        ("list_leads($1, null, 100, $2)", (org.org_id, OLD)),
        ("list_leads($1, $2, 1)", (org.org_id, OLD)),
        ("list_webhook_items($1, null, null, 100, $2)", (org.org_id, None)),
        ("list_webhook_items($1, null, null, 100, $2)", (org.org_id, OLD)),
        ("list_webhook_items($1, null, $2, 1)", (org.org_id, OLD)),
        ("list_webhook_orphans(null, null, 100, $1)", (None,)),
        ("list_webhook_orphans(null, null, 100, $1)", (OLD,)),
        ("list_webhook_orphans('meta_page', '7', 100, $1)", (None,)),
    ]
    for call, arguments in cases:
        plans = await plans_of(admin, "ingest", TABLES, call, *arguments)
        told = f"{call} of {arguments}:\n" + "\n".join(plans)
        assert plans, told
        assert not re.search(r"Seq Scan", told), told
        assert rows_looked_at(plans, TABLES) < ROWS_MAX, told
