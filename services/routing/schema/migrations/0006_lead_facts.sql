-- What a lead says is written once; where its routing stands changes with every claim. Apart, a
-- change writes one small row, and no entry of what leads are searched by.
--
-- Code that still runs cannot route by the functions of before, until `migrate up` has applied the new
-- ones a moment later: such a call changes nothing and is made again.

-- migrate:up
do $$
begin
  -- All of them or none: those who work lock some first and some later, in one order or another.
  perform set_config('lock_timeout', '200ms', true);
  loop
    begin
      lock table leads, lead_dedupe_hashes, lead_routing_logs, workspaces
        in access exclusive mode;
      exit;
    exception when lock_not_available then
      null;
    end;
  end loop;
end;
$$;

create table lead_facts (
  org_id uuid not null,
  lead_id uuid not null,
  source_id uuid not null,
  phone text not null default '',
  email text not null default '',
  facts jsonb not null,
  received_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, lead_id)
);
comment on table lead_facts is 'What leads say, as ingest handed them over; never changed';

grant select, update on leads to waybill_routing_system;
grant select on lead_dedupe_hashes to waybill_routing_system;
grant select, insert on lead_facts to waybill_routing_system;
set local role waybill_routing_system;
insert into lead_facts (org_id, lead_id, source_id, phone, email, facts, received_at, trace_id)
select l.org_id, l.lead_id, l.source_id, l.phone, l.email, l.facts, l.received_at, l.trace_id
from leads l;
-- Of a duplicate it was how many it has, not how many of them were free.
update leads l
set dedupe_hash_count = (
  select count(*) from lead_dedupe_hashes h where h.org_id = l.org_id and h.lead_id = l.lead_id)
where l.routing_error = 'CROSS_PARTNER_DUPLICATE';
set local role waybill_routing_owner;

create index idx_lead_facts_trace on lead_facts (trace_id);
create index idx_lead_facts_id on lead_facts (lead_id);
create index idx_lead_facts_phone on lead_facts (org_id, phone) where phone <> '';
create index idx_lead_facts_email on lead_facts (org_id, email) where email <> '';

-- The indexes of these columns go with them.
alter table leads
  drop column source_id,
  drop column phone,
  drop column email,
  drop column facts,
  drop column received_at;
-- A new key looks at all rows.
alter table leads no force row level security;
alter table leads add foreign key (org_id, lead_id) references lead_facts;
alter table leads force row level security;
comment on table leads is 'Leads to route: where their routing stands; what they say is in lead_facts';
comment on column leads.due_at is
  'When routing may take it up: at once, or at the next retry; while a lease lasts, not before its end; null: never';
-- With room on its page the version that a claim makes needs no entry in any index: no index holds
-- what a claim changes.
alter table leads set (fillfactor = 40);

-- A trace finds its leads by their facts, and by the leads what follows from them.
drop index idx_leads_trace;
drop index idx_leads_id;
drop index idx_lead_routing_logs_trace;
drop index idx_lead_dedupe_hashes_trace;
-- How many hashes it holds, and until when, a decided lead says itself.
drop index idx_lead_dedupe_hashes_lead;
comment on column leads.dedupe_hash_count is
  'How many hashes the lead took when it was decided: all of its own, unless it is a duplicate';
drop index idx_leads_workspace;
create index idx_leads_workspace on leads (org_id, workspace_id, enqueued_at)
  where workspace_id is not null;

-- These rows are written by the function that holds their lead's row, and nobody may delete a lead:
-- to look for the lead again, for each row, costs more than to write it.
alter table lead_dedupe_hashes drop constraint lead_dedupe_hashes_org_id_lead_id_fkey;
alter table lead_routing_logs drop constraint lead_routing_logs_org_id_lead_id_fkey;

-- complete_routings looks for a batch's workspaces once. Nobody may delete one; a reference locked the
-- few busy ones for every lead again, several workers at a time.
alter table leads drop constraint leads_org_id_workspace_id_fkey;

-- take_dedupe_hashes does what these did.
drop function if exists hold_dedupe_hashes(
  uuid[], uuid[], uuid[], text[], text[], timestamptz, timestamptz);
drop function if exists judge_dedupe_hashes(uuid[], uuid[], text[], timestamptz);

-- migrate:down
do $$
begin
  -- All of them or none: those who work lock some first and some later, in one order or another.
  perform set_config('lock_timeout', '200ms', true);
  loop
    begin
      lock table leads, lead_facts, lead_dedupe_hashes, lead_routing_logs, workspaces
        in access exclusive mode;
      exit;
    exception when lock_not_available then
      null;
    end;
  end loop;
end;
$$;

drop function if exists take_dedupe_hashes(held_lead[], uuid[], uuid[], uuid[], uuid[], uuid[],
  text[], timestamptz, timestamptz);
drop function if exists lock_due_leads(int, timestamptz, timestamptz);
alter table workspaces no force row level security;
alter table leads no force row level security;
alter table lead_routing_logs no force row level security;
alter table lead_dedupe_hashes no force row level security;
alter table leads add foreign key (org_id, workspace_id) references workspaces;
alter table lead_routing_logs add foreign key (org_id, lead_id) references leads;
alter table lead_dedupe_hashes add foreign key (org_id, lead_id) references leads;
alter table workspaces force row level security;
alter table leads force row level security;
alter table lead_routing_logs force row level security;
alter table lead_dedupe_hashes force row level security;
drop index idx_leads_workspace;
create index idx_leads_workspace on leads (workspace_id, enqueued_at);
comment on column leads.dedupe_hash_count is null;
create index idx_lead_dedupe_hashes_lead on lead_dedupe_hashes (lead_id);
create index idx_lead_dedupe_hashes_trace on lead_dedupe_hashes (trace_id);
create index idx_lead_routing_logs_trace on lead_routing_logs (trace_id);
create index idx_leads_id on leads (lead_id);
create index idx_leads_trace on leads (trace_id);
alter table leads set (fillfactor = 70);
comment on column leads.due_at is
  'When routing may take it up: at once, at the lease''s end, at the next retry; null: never';
comment on table leads is 'Leads to route: what rules look at, and where their routing stands';
alter table leads drop constraint leads_org_id_lead_id_fkey;
alter table leads
  add column source_id uuid,
  add column phone text not null default '',
  add column email text not null default '',
  add column facts jsonb,
  add column received_at timestamptz;
set local role waybill_routing_system;
update leads l
set source_id = f.source_id, phone = f.phone, email = f.email, facts = f.facts,
    received_at = f.received_at
from lead_facts f
where l.org_id = f.org_id and l.lead_id = f.lead_id;
set local role waybill_routing_owner;
alter table leads
  alter column source_id set not null,
  alter column facts set not null,
  alter column received_at set not null;
create index idx_leads_phone on leads (org_id, phone) where phone <> '';
create index idx_leads_email on leads (org_id, email) where email <> '';
drop table lead_facts;
