-- migrate:up
create index idx_requests_created on requests (created_at);

-- migrate:down
drop index idx_requests_created;
