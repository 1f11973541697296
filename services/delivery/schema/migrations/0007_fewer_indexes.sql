-- What a lead's way writes, in fewer indexes. A row is found by its trace where a trace begins: an
-- offer, a grant, a workspace, an endpoint, a wait. Whatever comes of an offer (events, delivery,
-- endpoints, attempts, and the ledger through its delivery) has the offer's trace, is found through
-- it by key, and the books say where the two differ.

-- migrate:up
do $$
begin
  -- All of them or none: those who work lock some first and some later, in one order or another.
  perform set_config('lock_timeout', '200ms', true);
  loop
    begin
      lock table lead_offers, lead_events, deliveries, delivery_endpoints, attempts, credit_accounts,
        credit_holds, credit_transactions
        in access exclusive mode;
      exit;
    exception when lock_not_available then
      null;
    end;
  end loop;
end;
$$;

drop index idx_lead_events_trace;
drop index idx_deliveries_trace;
drop index idx_delivery_endpoints_trace;
drop index idx_attempts_trace;
drop index idx_credit_holds_trace;
drop index idx_credit_transactions_trace;
create index idx_credit_transactions_trace on credit_transactions (trace_id)
  where type <> 'CREDIT_CONSUMPTION';

-- Nearly all deliveries are delivered: a list of those finds a page of them wherever it looks, and
-- a completed one needs no entry here.
create index idx_deliveries_undelivered on deliveries (org_id, status, delivery_id)
  where status <> 'DELIVERED';
drop index idx_deliveries_status;

-- An event is written from the offer that the same statement moved, a hold from the delivery that
-- the same function locked with its account; nobody may delete an offer or an account, and the
-- books find an event or a hold without it.
alter table lead_events drop constraint lead_events_org_id_offer_id_fkey;
alter table credit_holds drop constraint credit_holds_org_id_workspace_id_fkey;

-- migrate:down
do $$
begin
  -- All of them or none: those who work lock some first and some later, in one order or another.
  perform set_config('lock_timeout', '200ms', true);
  loop
    begin
      lock table lead_offers, lead_events, deliveries, delivery_endpoints, attempts, credit_accounts,
        credit_holds, credit_transactions
        in access exclusive mode;
      exit;
    exception when lock_not_available then
      null;
    end;
  end loop;
end;
$$;

-- New keys look at all rows.
alter table credit_accounts no force row level security;
alter table credit_holds no force row level security;
alter table lead_offers no force row level security;
alter table lead_events no force row level security;
alter table credit_holds add foreign key (org_id, workspace_id) references credit_accounts;
alter table lead_events add foreign key (org_id, offer_id) references lead_offers;
alter table credit_accounts force row level security;
alter table credit_holds force row level security;
alter table lead_offers force row level security;
alter table lead_events force row level security;

create index idx_deliveries_status on deliveries (org_id, status, delivery_id);
drop index idx_deliveries_undelivered;
drop index idx_credit_transactions_trace;
create index idx_credit_transactions_trace on credit_transactions (trace_id);
create index idx_credit_holds_trace on credit_holds (trace_id);
create index idx_attempts_trace on attempts (trace_id);
create index idx_delivery_endpoints_trace on delivery_endpoints (trace_id);
create index idx_deliveries_trace on deliveries (trace_id);
create index idx_lead_events_trace on lead_events (trace_id);
