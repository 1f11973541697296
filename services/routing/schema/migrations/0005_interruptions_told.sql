-- A claim answers how often a lead was interrupted: the files of functions/ give these another row.

-- migrate:up
drop function if exists acquire_routing_locks(
  text, uuid, int, double precision, timestamptz, timestamptz);
drop function if exists acquire_routing_lock(
  uuid, uuid, text, uuid, double precision, timestamptz);

-- migrate:down
drop function if exists acquire_routing_locks(
  text, uuid, int, double precision, timestamptz, timestamptz);
drop function if exists acquire_routing_lock(
  uuid, uuid, text, uuid, double precision, timestamptz);
