"""What the lists' statements do with a quarter of a million rows, as the service's role."""

import re
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.plans import Admin, filling, plans_of, rows_looked_at

TABLES = ("lead_offers", "deliveries", "credit_transactions")
ROWS = 250_000
# What a page of a hundred may look at.
ROWS_MAX = 1_000
# Every twentieth is of another org, and of the org's every twentieth of one workspace and every
# thousandth of a small one.
FILL = """
  with made as materialized (
    select n, lpad(to_hex(n), 32, '0')::uuid as id, repeat('a', 32) as trace_id,
      '00-' || repeat('a', 32) || '-' || repeat('b', 16) || '-00' as traceparent,
      case when n % 20 = 0 then $2::uuid else $1::uuid end as org_id,
      case when n % 1000 = 1 then $4::uuid when n % 20 = 3 then $5::uuid else $3::uuid
      end as workspace_id,
      timestamptz '2026-11-20' + make_interval(secs => n) as at
    from generate_series(1, $6::int) n
  ), offers as (
    insert into delivery.lead_offers (org_id, offer_id, lead_id, workspace_id, status, payload,
      created_at, updated_at, trace_id, traceparent)
    select m.org_id, m.id, m.id, m.workspace_id, 'SENT_TO_DEVELOPER', '{}', m.at, m.at, m.trace_id,
      m.traceparent
    from made m
  ), deliveries as (
    insert into delivery.deliveries (org_id, delivery_id, offer_id, lead_id, workspace_id, status,
      created_at, due_at, completed_at, trace_id, traceparent)
    select m.org_id, m.id, m.id, m.id, m.workspace_id,
      case when m.n = 1 then 'DEAD_LETTER' else 'DELIVERED' end, m.at, m.at, m.at, m.trace_id,
      m.traceparent
    from made m
  )
  insert into delivery.credit_transactions (org_id, transaction_id, workspace_id, type,
    delivery_id, created_at, trace_id, version, from_account, to_account, credits,
    from_balance_after, to_balance_after)
  select m.org_id, m.id, m.workspace_id, 'CREDIT_CONSUMPTION', m.id, m.at, m.trace_id, m.n, 'held',
    'consumed', 1, 1, 1
  from made m
"""
OLD = UUID(int=101)


async def test_every_page_of_a_list_and_each_single_row_is_found_by_index(
    delivery_db: Database, admin: Admin
) -> None:
    org_id, busy, middling, small = uuid4(), uuid4(), uuid4(), uuid4()
    async with filling(admin, "delivery", *TABLES):
        await admin.execute(FILL, org_id, uuid4(), busy, small, middling, ROWS)
    deliveries = "list_deliveries_v2($1, $2, $3, $4, 100, $5)"
    offers = "list_offers($1, $2, $3, $4, 100, $5)"
    ledger = "list_ledger_entries_v2($1, null, $2, 100, $3, $4)"
    cases: list[tuple[str, tuple[Any, ...]]] = [
        (deliveries, (org_id, None, None, None, None)),
        (deliveries, (org_id, None, None, None, OLD)),
        (deliveries, (org_id, None, None, "DEAD_LETTER", None)),
        (deliveries, (org_id, None, None, "DELIVERED", None)),
        (deliveries, (org_id, None, busy, None, None)),
        (deliveries, (org_id, None, busy, None, OLD)),
        (deliveries, (org_id, None, busy, "DELIVERED", None)),
        (deliveries, (org_id, None, middling, None, None)),
        (deliveries, (org_id, middling, None, None, None)),
        (deliveries, (org_id, None, middling, "DELIVERED", None)),
        (deliveries, (org_id, None, small, None, None)),
        (deliveries, (org_id, small, None, None, None)),
        (deliveries, (org_id, busy, busy, None, None)),
        (deliveries, (org_id, busy, None, None, None)),
        (offers, (org_id, None, None, None, None)),
        (offers, (org_id, None, None, None, OLD)),
        (offers, (org_id, None, busy, None, None)),
        (offers, (org_id, None, busy, None, OLD)),
        (offers, (org_id, None, middling, None, None)),
        (offers, (org_id, middling, None, None, None)),
        (offers, (org_id, None, small, None, None)),
        (offers, (org_id, small, None, None, None)),
        (offers, (org_id, busy, None, None, None)),
        (offers, (org_id, None, None, OLD, None)),
        (ledger, (org_id, busy, ROWS, "held")),
        (ledger, (org_id, busy, 101, "held")),
    ]
    for call, arguments in cases:
        plans = await plans_of(admin, "delivery", TABLES, call, *arguments)
        report = f"{call} of {arguments}:\n" + "\n".join(plans)
        assert plans, report
        assert not re.search(r"Seq Scan", report), report
        assert rows_looked_at(plans, TABLES) < ROWS_MAX, report
