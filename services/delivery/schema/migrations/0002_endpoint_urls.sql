-- migrate:up
alter table endpoints
  drop constraint endpoints_url_check,
  add constraint endpoints_url_check check (length(url) between 1 and 2048);

-- migrate:down
-- Not validated: a longer URL that is there stays.
alter table endpoints
  drop constraint endpoints_url_check,
  add constraint endpoints_url_check check (length(url) between 1 and 2000) not valid;
