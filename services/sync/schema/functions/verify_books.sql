-- runs as: system
-- The consistency check over all tenants: a row for each equation, with how many rows break it and
-- the first hundred of them.
create or replace function verify_books()
returns table (equation text, violation_count bigint, violations text[])
language sql
stable
security definer
set search_path from current
as $$
  with broken (equation, violation) as (
    select 'received = stored + duplicate + rejected',
      format('sync_ledger %s %s %s: %s received, %s accounted for', l.page_id, l.day, l.origin,
        l.received, l.stored + l.duplicate + l.rejected)
    from sync_ledger l
    where l.received <> l.stored + l.duplicate + l.rejected
    union all
    select 'each page''s ledger counts its events',
      format('pages %s: %s events counted, %s there', p.page_id, coalesce(l.stored, 0),
        coalesce(e.events, 0))
    from pages p
    left join (
      select org_id, page_id, sum(stored) as stored from sync_ledger group by 1, 2) l
      using (org_id, page_id)
    left join (
      select org_id, page_id, count(*) as events
      from contact_interaction_events where page_id is not null group by 1, 2) e
      using (org_id, page_id)
    where coalesce(l.stored, 0) <> coalesce(e.events, 0)
    union all
    select 'each page''s ledger counts its rejects',
      format('pages %s: %s rejects counted, %s there', p.page_id, coalesce(l.rejected, 0),
        coalesce(r.rejects, 0))
    from pages p
    left join (
      select org_id, page_id, sum(rejected) as rejected from sync_ledger group by 1, 2) l
      using (org_id, page_id)
    left join (
      select org_id, page_id, count(*) as rejects from sync_rejects group by 1, 2) r
      using (org_id, page_id)
    where coalesce(l.rejected, 0) <> coalesce(r.rejects, 0)
    union all
    select 'each event that was told and stored is there',
      format('told_events %s: its event is missing', t.event_id)
    from told_events t
    left join contact_interaction_events e using (org_id, event_id)
    where t.outcome = 'stored' and e.event_id is null
    union all
    select 'each session''s runs made its calls',
      format('sync_state %s: %s calls, %s in its runs', s.session_id, s.calls,
        coalesce(r.calls, 0))
    from sync_state s
    left join (select org_id, session_id, sum(calls) as calls from sync_runs group by 1, 2) r
      using (org_id, session_id)
    where s.calls <> coalesce(r.calls, 0)
    union all
    select 'an import has no side effects',
      format('outbox %s: %s', o.outbox_id, o.topic)
    from outbox o
    union all
    select 'no session without a trace',
      format('sync_state %s: its trace is not that of its traceparent', s.session_id)
    from sync_state s
    where s.trace_id <> substr(s.traceparent, 4, 32)
  )
  select e.equation, count(b.violation), coalesce((array_agg(b.violation) filter (where b.violation is not null))[1:100], '{}')
  from unnest(array[
    'received = stored + duplicate + rejected',
    'each page''s ledger counts its events',
    'each page''s ledger counts its rejects',
    'each event that was told and stored is there',
    'each session''s runs made its calls',
    'an import has no side effects',
    'no session without a trace'
  ]) with ordinality as e (equation, position)
  left join broken b using (equation)
  group by e.equation, e.position
  order by e.position;
$$;
