-- Counts repeats of p_call for what it had done before: parallel arrays, one element a repeat,
-- p_trace_ids of the call that did it, p_repeat_trace_ids of the repeat. One row a subject, however
-- often a caller repeats. The calling function has set the tenant.
create or replace function note_repeats(
  p_call text,
  p_org_ids uuid[],
  p_subjects text[],
  p_trace_ids text[],
  p_repeat_trace_ids text[],
  p_now timestamptz default now()
) returns void
language sql
set search_path from current
as $$
  insert into repeats (org_id, call, subject, repeat_count, first_repeated_at, last_repeated_at,
    trace_id, last_trace_id)
  select r.org_id, p_call, r.subject, count(*), p_now, p_now, min(r.trace_id),
    max(r.repeat_trace_id)
  from unnest(p_org_ids, p_subjects, p_trace_ids, p_repeat_trace_ids)
    as r (org_id, subject, trace_id, repeat_trace_id)
  group by r.org_id, r.subject
  -- Two calls with repeats in common must not wait for each other.
  order by r.org_id, r.subject
  on conflict (org_id, call, subject) do update
  set repeat_count = repeats.repeat_count + excluded.repeat_count,
      last_repeated_at = greatest(repeats.last_repeated_at, excluded.last_repeated_at),
      last_trace_id = excluded.last_trace_id;
$$;
