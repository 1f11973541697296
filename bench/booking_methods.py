"""Five ways to book a slot in plain SQL, each as people write it, on a table of its own.

Without opening hours, services, audit or outbox: what is compared is how they keep two apart.
"""

from collections.abc import Mapping
from typing import Final

TABLE: Final = """
create extension if not exists btree_gist;
create table plain_bookings (
  calendar_id int not null, during tstzrange not null, booked_at timestamptz default now()
);
create index on plain_bookings using gist (calendar_id, during);
create table kept_bookings (
  calendar_id int not null, during tstzrange not null, booked_at timestamptz default now(),
  exclude using gist (calendar_id with =, during with &&)
);
"""

_BODY: Final = """
create function book_{name}(p_calendar_id int, p_from timestamptz, p_to timestamptz)
returns text language plpgsql set lock_timeout = '5s' as $$
begin
  {lock}
  {check}
  insert into {table} (calendar_id, during)
  values (p_calendar_id, tstzrange(p_from, p_to)) {conflict};
  return case when found then 'booked' else 'taken' end;
exception
  when exclusion_violation then return 'taken';
  when lock_not_available then return 'lock timeout';
end; $$;
"""
_CHECK: Final = """if exists (select from {table} b where b.calendar_id = p_calendar_id
    and b.during && tstzrange(p_from, p_to)) then return 'taken'; end if;"""


def _function(name: str, *, table: str, lock: str = "", check: bool, conflict: str = "") -> str:
    text = _CHECK.format(table=table) if check else ""
    return _BODY.format(name=name, table=table, lock=lock, check=text, conflict=conflict)


METHODS: Final[Mapping[str, str]] = {
    "check then insert": _function("checked", table="plain_bookings", check=True),
    "per-calendar try-lock": _function(
        "tried",
        table="plain_bookings",
        check=True,
        lock="if not pg_try_advisory_xact_lock(p_calendar_id) then return 'rejected'; end if;",
    ),
    "blocking lock": _function(
        "locked",
        table="plain_bookings",
        check=True,
        lock="perform pg_advisory_xact_lock(p_calendar_id);",
    ),
    "plain constraint": _function("constrained", table="kept_bookings", check=False),
    "constraint, on conflict do nothing": _function(
        "settled", table="kept_bookings", check=False, conflict="on conflict do nothing"
    ),
}
NAMES: Final = dict(
    zip(METHODS, ("checked", "tried", "locked", "constrained", "settled"), strict=True)
)
OVERLAPS: Final = """
select count(*) from {table} a join {table} b
  on a.calendar_id = b.calendar_id and a.ctid < b.ctid and a.during && b.during
"""
