"""What holds for every table, key, role and function of every service's schema."""

import re

import asyncpg

from services.chassis.migrate import Schema, schemas
from tests.conventions.schemas import IN_SCHEMAS, Admin, function_files, mending

# Tables without an org that only the service role reads (design, section 4), and the chassis'.
OF_NO_ORG = {
    "apps",
    "app_secrets",
    "source_directory",
    "webhook_deliveries",
    "webhook_orphans",
    # What Meta's limits leave of calls, by page and app: they know no orgs.
    "call_budgets",
    "ticks",
    "schema_migrations",
    "chassis_migrations",
    # Texts of files, which know no orgs.
    "applied_files",
}
TABLES = f"""
  select n.nspname as schema, c.relname as name, c.oid, c.relrowsecurity, c.relforcerowsecurity,
    r.rolname as owner,
    exists (select from pg_attribute a
            where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped) as has_org
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_roles r on r.oid = c.relowner
  where n.nspname in {IN_SCHEMAS} and c.relkind in ('r', 'p')
"""
FUNCTIONS = f"""
  select n.nspname as schema, p.proname as name, p.oid, p.prosecdef, p.proconfig,
    r.rolname as owner, pg_get_function_identity_arguments(p.oid) as arguments,
    p.proargnames[1] as first, p.proargnames[p.pronargs] as last, p.pronargs,
    p.proargnames[1:p.pronargs] as inputs, p.prosrc as body
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_roles r on r.oid = p.proowner
  where n.nspname in {IN_SCHEMAS}
"""


async def tables(admin: Admin) -> list[asyncpg.Record]:
    return await admin.fetch(TABLES)


async def functions(admin: Admin) -> list[asyncpg.Record]:
    return await admin.fetch(FUNCTIONS)


async def test_every_table_has_an_org_or_stands_on_the_list(admin: Admin) -> None:
    found = [f"{t['schema']}.{t['name']}" for t in await tables(admin)
             if not t["has_org"] and t["name"] not in OF_NO_ORG]  # fmt: skip
    assert not found, mending(
        found, "give the table an org_id, or say in OF_NO_ORG why it has none and who reads it"
    )


async def test_row_level_security_is_enabled_and_forced_with_both_policies(admin: Admin) -> None:
    found = []
    for table in await tables(admin):
        if not table["has_org"]:
            continue
        policies = await admin.fetch(
            "select polname, pg_get_expr(polqual, polrelid) as seen,"
            " pg_get_expr(polwithcheck, polrelid) as written,"
            " array(select rolname::text from pg_roles where oid = any (polroles)) as roles"
            " from pg_policy where polrelid = $1 order by polname",
            table["oid"],
        )
        names = [policy["polname"] for policy in policies]
        system = f"waybill_{table['schema']}_system"
        if not (
            table["relrowsecurity"]
            and table["relforcerowsecurity"]
            and names == ["system", "tenant"]
            and policies[0]["roles"] == [system]
            and policies[1]["roles"] == []
            and "app.org_ids" in policies[1]["seen"]
            and policies[1]["seen"] == policies[1]["written"]
        ):
            found.append(f"{table['schema']}.{table['name']}: {names}")
    assert not found, mending(
        found, "policies come from services/chassis/schema/policies.sql only; run `migrate up`"
    )


async def test_a_table_of_workspaces_lets_through_one_workspace(admin: Admin) -> None:
    rows = await admin.fetch(
        f"""select t.schema, t.name, pg_get_expr(p.polqual, p.polrelid) as seen
            from ({TABLES}) t
            join pg_policy p on p.polrelid = t.oid and p.polname = 'tenant'
            join pg_attribute a on a.attrelid = t.oid and a.attname = 'workspace_id'"""
    )
    assert rows
    found = [f"{row['schema']}.{row['name']}" for row in rows if "workspace_id" not in row["seen"]]
    assert not found, mending(found, "policies.sql adds the workspace clause; run `migrate up`")


async def test_every_key_of_a_table_with_an_org_leads_with_it(admin: Admin) -> None:
    rows = await admin.fetch(
        f"""select t.schema, t.name, i.relname as index, a.attname as leading
            from ({TABLES}) t
            join pg_index x on x.indrelid = t.oid
              and (x.indisunique or x.indisprimary or x.indisexclusion)
            join pg_class i on i.oid = x.indexrelid
            left join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]
            where t.has_org"""
    )
    assert rows
    found = [
        f"{row['schema']}.{row['name']}.{row['index']} leads with {row['leading']}"
        for row in rows
        if row["leading"] != "org_id"
    ]
    assert not found, mending(
        found, "put org_id first: a key over all orgs shows one org what another one holds"
    )


async def test_a_foreign_key_stays_in_its_schema_and_its_org(admin: Admin) -> None:
    rows = await admin.fetch(
        f"""select t.schema, t.name, c.conname, n.nspname as target_schema,
              exists (select from pg_attribute a where a.attrelid = c.confrelid
                      and a.attname = 'org_id') as target_has_org,
              (select a.attname from pg_attribute a
               where a.attrelid = t.oid and a.attnum = c.conkey[1]) as leading
            from ({TABLES}) t
            join pg_constraint c on c.conrelid = t.oid and c.contype = 'f'
            join pg_class f on f.oid = c.confrelid
            join pg_namespace n on n.oid = f.relnamespace"""
    )
    found = [
        f"{row['schema']}.{row['name']}.{row['conname']}"
        for row in rows
        if row["target_schema"] != row["schema"]
        or (row["target_has_org"] and row["leading"] != "org_id")
    ]
    assert not found, mending(found, "reference (org_id, …) of a table of the same schema")


async def test_nothing_is_an_enum_and_every_status_is_text_with_a_check(admin: Admin) -> None:
    enums = await admin.fetch(
        f"""select n.nspname || '.' || t.typname as name from pg_type t
            join pg_namespace n on n.oid = t.typnamespace
            where t.typtype = 'e' and n.nspname in {IN_SCHEMAS}"""
    )
    assert not enums, mending(enums, "use text with a check: enum operators are not leakproof")
    rows = await admin.fetch(
        f"""select t.schema, t.name, a.attname, format_type(a.atttypid, null) as type,
              exists (select from pg_constraint c where c.conrelid = t.oid and c.contype = 'c'
                      and a.attnum = any (c.conkey)) as is_checked
            from ({TABLES}) t
            join pg_attribute a on a.attrelid = t.oid and not a.attisdropped
            where (a.attname = 'status' or a.attname like '%\\_status')
              -- What was checked where it stands, repeated in its history.
              and a.attname not in ('from_status', 'to_status')"""
    )
    assert rows
    found = [
        f"{row['schema']}.{row['name']}.{row['attname']}"
        for row in rows
        if row["type"] != "text" or not row["is_checked"]
    ]
    assert not found, mending(found, "make it text with `check (… in (…))`")


async def test_trace_columns_are_of_the_checked_domains(
    admin: Admin,
) -> None:
    rows = await admin.fetch(
        f"""select t.schema, t.name, a.attname, y.typname as type
            from ({TABLES}) t
            join pg_attribute a on a.attrelid = t.oid and not a.attisdropped
            join pg_type y on y.oid = a.atttypid
            where a.attname ~ '(^|_)(trace_id|traceparent)$'"""
    )
    assert rows
    found = [
        f"{row['schema']}.{row['name']}.{row['attname']} is {row['type']}"
        for row in rows
        if not row["attname"].endswith(row["type"])
    ]
    assert not found, mending(found, "use the domains trace_id and traceparent")


async def test_login_roles_own_nothing_and_are_nothing_special(admin: Admin) -> None:
    for schema in schemas():
        role = await admin.fetchrow("select * from pg_roles where rolname = $1", schema.login)
        assert role is not None, mending(schema.login, "run `migrate up`")
        special = [
            right
            for right in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb",
                          "rolreplication")
            if role[right]
        ]  # fmt: skip
        assert not special, mending(special, f"take it from {schema.login}")
        owned = await admin.fetch(
            "select classid::regclass, objid from pg_shdepend d"
            " join pg_roles r on r.oid = d.refobjid where r.rolname = $1 and d.deptype = 'o'",
            schema.login,
        )
        assert not owned, mending(owned, f"give it to {schema.owner}")
        member_of = await admin.fetch(
            "select roleid::regrole::text from pg_auth_members where member = $1::regrole",
            schema.login,
        )
        assert not member_of, mending(member_of, f"{schema.login} is a member of nothing")


async def test_owners_and_system_roles_cannot_log_in_or_pass_policies(admin: Admin) -> None:
    for schema in schemas():
        for name in (schema.owner, schema.system):
            role = await admin.fetchrow("select * from pg_roles where rolname = $1", name)
            assert role is not None
            bad = [r for r in ("rolcanlogin", "rolsuper", "rolbypassrls") if role[r]]
            assert not bad, mending(bad, f"create role {name} nologin noinherit")


async def test_no_role_reaches_into_another_services_schema(admin: Admin) -> None:
    rows = await admin.fetch(
        f"""select r.rolname as role, n.nspname as schema
            from pg_roles r cross join pg_namespace n
            where n.nspname in {IN_SCHEMAS} and r.rolname like 'waybill\\_%'
              and has_schema_privilege(r.oid, n.oid, 'usage')"""
    )
    found = [
        f"{row['role']} in {row['schema']}"
        for row in rows
        if row["role"].removeprefix("waybill_").split("_")[0] != row["schema"]
    ]
    assert not found, mending(found, "revoke it: what another service must know it gets by RPC")
    public = await admin.fetch(
        f"""select n.nspname from pg_namespace n
            where n.nspname in {IN_SCHEMAS} and has_schema_privilege('public', n.oid, 'usage')"""
    )
    assert not public, mending(public, "services/chassis/schema/grants.sql revokes it; keep it so")


async def test_every_table_belongs_to_the_owner_and_every_function_to_owner_or_system(
    admin: Admin,
) -> None:
    found = [
        f"{t['schema']}.{t['name']} belongs to {t['owner']}"
        for t in await tables(admin)
        if t["owner"] != f"waybill_{t['schema']}_owner"
    ]
    for function in await functions(admin):
        role = "system" if function["prosecdef"] else "owner"
        if function["owner"] != f"waybill_{function['schema']}_{role}":
            found.append(f"{function['schema']}.{function['name']} is {function['owner']}'s")
    assert not found, mending(found, "apply files by services/chassis/migrate, not by hand")


async def test_every_function_has_a_pinned_search_path(admin: Admin) -> None:
    found = [
        f"{f['schema']}.{f['name']}"
        for f in await functions(admin)
        if f"search_path={f['schema']}, pg_temp" not in (f["proconfig"] or [])
    ]
    assert not found, mending(found, "add `set search_path from current` to the function")


async def test_a_function_of_one_tenant_takes_the_org_first_and_time_last(admin: Admin) -> None:
    found = []
    for function in await functions(admin):
        inputs = function["inputs"] or []
        org = next((name for name in inputs if name in ("p_org_id", "p_org_ids")), None)
        if org is not None and inputs[0] != org and "set_tenant(" in function["body"]:
            found.append(f"{function['schema']}.{function['name']}: {org} is not first")
        if "p_now" in inputs and inputs[-1] != "p_now":
            found.append(f"{function['schema']}.{function['name']}: p_now is not last")
    assert not found, mending(found, "order: org, workspace, what it is about, trace, p_now")


async def test_a_function_exists_in_one_form_only(admin: Admin) -> None:
    names = [(f["schema"], f["name"]) for f in await functions(admin)]
    found = sorted({name for name in names if names.count(name) > 1})
    assert not found, mending(found, "a new signature is a new file `…_v2.sql`")


# Range operators are not leakproof, so behind a policy they do not reach their index: these narrow
# searches take the org and compare it themselves.
SEARCHES = {
    "scheduling.expire_stale_claims",
    "scheduling.free_ranges",
    "scheduling.list_conflicts",
    "scheduling.open_hours",
    "scheduling.place_claims",
    "scheduling.slot_closed_cause",
    "scheduling.slot_starts",
}


async def test_functions_that_pass_all_policies_take_no_org(admin: Admin) -> None:
    found = [
        f"{f['schema']}.{f['name']}"
        for f in await functions(admin)
        if f["prosecdef"] and any(re.match("p_org_ids?$", name) for name in f["inputs"] or [])
    ]
    found = [name for name in found if name not in SEARCHES]
    assert not found, mending(
        found, "make it `security invoker`: only claims and sweeps over all tenants are definer's"
    )


async def test_only_the_service_and_the_system_role_may_run_functions(admin: Admin) -> None:
    rows = await admin.fetch(
        f"""select f.schema, f.name from ({FUNCTIONS}) f
            where has_function_privilege('public', f.oid, 'execute')"""
    )
    assert not rows, mending(rows, "services/chassis/schema/grants.sql revokes it; keep it last")


async def test_helpers_that_run_as_system_are_closed_to_the_service(admin: Admin) -> None:
    internal = {(file.package, file.name) for file in function_files() if file.is_internal}
    found = [
        f"{f['schema']}.{f['name']}"
        for f in await functions(admin)
        if f["prosecdef"]
        and {(f["schema"], f["name"]), ("chassis", f["name"])} & internal
        and f"{f['schema']}.{f['name']}" not in SEARCHES
        and await admin.fetchval(
            "select has_function_privilege($1, $2::oid, 'execute')",
            Schema(name=f["schema"]).login,
            f["oid"],
        )
    ]
    assert not found, mending(
        found,
        "the service's grants.sql: `revoke execute on function … from waybill_<service>`, or call"
        " it from a function that runs as system only",
    )
