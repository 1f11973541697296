-- A page's sessions are looked up by when they ended, before another is made. The row of limits that
-- pages without a known app shared is gone.

-- migrate:up
create index idx_sync_state_page on sync_state (org_id, page_id, ended_at);
delete from call_budgets where scope = 'app' and key = '';

-- migrate:down
drop index idx_sync_state_page;
