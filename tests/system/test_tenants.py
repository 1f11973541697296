"""One tenant sees nothing of another's, whose rows are known to exist, and changes none of them."""

from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from deploy.local.sample_customer import Api, Customer, RefusedError
from deploy.local.samples import Samples
from deploy.local.stack import Stack
from tests.system.calling import OF_TENANTS, SERVICES, call
from tests.system.conftest import a_customer
from tests.system.owner import Owner
from tests.system.tenant_cases import CASES, case_of
from tests.system.waiting import until

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
READS = ("Get", "List", "Search", "Find")
# They name a moment that has passed, or count.
NOTHING_TO_SHOW = {"ListActiveSyncs", "ListSyncLocks", "ListSyncStatistics"}
# Times, and what other tenants may have as well.
NO_IDS = {"now", "later", "local", "day", "request", "facebook_page", "contact_name"}
# What workers write without any call.
WORKERS_COLUMNS = [
    "due_at", "check_due_at", "checked_at", "updated_at", "claim_token", "claimed_at",
    "claim_expires_at", "attempts", "failure_count", "last_error", "imported_at",
]  # fmt: skip


def test_every_rpc_that_tenants_may_call_has_a_case() -> None:
    assert {method.name for _, method in OF_TENANTS} == {name.split()[-1] for name in CASES}, (
        "say in tenant_cases.py how the RPC ends for a tenant that names another's things"
    )


async def snapshot(rows: Rows, org_id: UUID) -> dict[str, str]:
    """The org's rows of every table of every schema, but for what workers write."""
    tables = await rows.fetch(
        "select table_schema || '.' || table_name as name from information_schema.columns"
        " where column_name = 'org_id' and table_schema = any ($1)",
        list(SERVICES),
    )
    return {
        table["name"]: await rows.fetchval(
            "select coalesce(string_agg((to_jsonb(t) - $2::text[])::text, e'\\n' order by"
            f" (to_jsonb(t) - $2::text[])::text), '') from {table['name']} t where org_id = $1",
            org_id,
            WORKERS_COLUMNS,
        )
        for table in tables
    }


async def at_rest(rows: Rows, org_id: UUID) -> dict[str, str]:
    """The org's rows, once they stay as they are from one look to the next."""
    looks: list[dict[str, str]] = []

    async def stands_still() -> bool:
        looks.append(await snapshot(rows, org_id))
        return looks[-3:].count(looks[-1]) == 3

    assert await until(stands_still)
    return looks[-1]


async def test_a_tenants_token_sees_and_changes_nothing_of_another_tenant_through_any_rpc(
    stack: Stack,
    session: aiohttp.ClientSession,
    customer: Customer,
    samples: Samples,
    rows: Rows,
) -> None:
    await samples.lead_ads()
    other = (await a_customer(stack, session)).api.token
    theirs = await Owner(stack, customer).ids()
    hidden = [value for name, value in theirs.items() if name not in NO_IDS]
    before = await at_rest(rows, UUID(customer.org_id))
    assert {name.split(".")[0] for name, found in before.items() if found} == set(SERVICES)
    wrong = []
    for service, method in OF_TENANTS:
        case = case_of(service, method.name)
        answer = await call(stack, service, method, other, case.fields(theirs))
        shown = [value for value in hidden if value in str(answer.message)]
        if answer.status != case.status or (answer.status == "OK" and shown):
            wrong.append((service, method.name, answer))
    assert not wrong
    assert await at_rest(rows, UUID(customer.org_id)) == before
    for service, method in OF_TENANTS:
        if method.name.startswith(READS):
            fields = case_of(service, method.name).fields(theirs)
            answer = await call(stack, service, method, customer.api.token, fields)
            shown = [value for value in hidden if value in str(answer.message)]
            if answer.status != "OK" or not (shown or method.name in NOTHING_TO_SHOW):
                wrong.append((service, method.name, answer))
    assert not wrong, "what the other could not see is not there for its owner either"


async def test_a_workspaces_token_sees_its_own_deliveries_and_no_others(
    stack: Stack, customer: Customer, samples: Samples
) -> None:
    await samples.lead_ads()
    await samples.whatsapp()

    async def all_there() -> bool:
        return len((await customer.api.get("/api/deliveries"))["deliveries"]) == 3

    assert await until(all_there)
    beta = narrowed(stack, customer, customer.beta)
    seen = (await beta.get("/api/deliveries"))["deliveries"]
    assert {each["workspaceId"] for each in seen} == {customer.beta}
    assert len(seen) == 1
    with pytest.raises(RefusedError, match=": 404"):
        await beta.get(f"/api/workspaces/{customer.alpha}/credits")
    with pytest.raises(RefusedError, match=": 403"):
        await beta.get("/api/leads")


def narrowed(stack: Stack, customer: Customer, workspace_id: str) -> Api:
    """The edge, with a token of one workspace."""
    token = stack.keys.tenant_token(UUID(customer.org_id), workspace_id=UUID(workspace_id))
    return replace(customer.api, token=token)
