"""One tenant sees nothing of another's, whose rows are known to exist."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from deploy.local.customer import Api, Customer, RefusedError
from deploy.local.samples import Samples
from deploy.local.stack import Stack
from tests.system.conftest import a_customer
from tests.system.waiting import until


async def ids_of(customer: Customer) -> dict[str, str]:
    """Ids of everything that a customer with a delivered lead has, read with its own token."""
    api = customer.api
    lead = (await api.get("/api/leads"))["leads"][0]
    offer = (await api.get("/api/offers"))["offers"][0]
    return {
        "lead": lead["leadId"],
        "offer": offer["offerId"],
        "delivery": offer["deliveryId"],
        "workspace": customer.alpha,
        "endpoint": (await api.get("/api/endpoints"))["endpoints"][0]["endpointId"],
        "item": (await api.get("/api/webhook-items"))["items"][0]["itemId"],
        "rule": (await api.get("/api/rules"))["rules"][0]["ruleId"],
        "source": (await api.get("/api/sources"))["sources"][0]["sourceId"],
    }


async def test_a_tenants_token_sees_nothing_of_another_tenant_through_any_rpc(
    stack: Stack, session: aiohttp.ClientSession, customer: Customer, samples: Samples
) -> None:
    await samples.lead_ads()
    other = await a_customer(stack, session)
    theirs = await ids_of(customer)
    for path in ONE.values():
        found = await customer.api.get(path.format(**theirs))
        assert found, path
        with pytest.raises(RefusedError, match=": 404"):
            await other.api.get(path.format(**theirs))
    for path, changes in WRITES.items():
        with pytest.raises(RefusedError, match=r": (404|400)") as refused:
            await call(other, path.format(**theirs), changes(theirs))
        assert "NOT_FOUND" in str(refused.value), path
    for path in LISTS:
        mine = str(await other.api.get(path))
        assert str(await customer.api.get(path)) != mine, path
        assert not [each for each in theirs.values() if each in mine], path


async def call(customer: Customer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """PATCH for a rule, POST for the rest."""
    if path.startswith("/api/rules/"):
        return await customer.api.patch(path, body)
    return await customer.api.post(path, body)


ONE = {
    "GetLead": "/api/leads/{lead}",
    "GetRouting": "/api/leads/{lead}/routing",
    "GetWorkspace": "/api/workspaces/{workspace}",
    "GetOffer": "/api/offers/{offer}",
    "GetDelivery": "/api/deliveries/{delivery}",
    "GetBalance": "/api/workspaces/{workspace}/credits",
}
LISTS = (
    "/api/leads",
    "/api/offers",
    "/api/endpoints",
    "/api/webhook-items",
    "/api/rules",
    "/api/sources",
    "/api/workspaces",
    "/api/deliveries",
)
WRITES: dict[str, Any] = {
    "/api/webhook-items/{item}/replay": lambda _: {},
    "/api/offers/{offer}/advance": lambda _: {"toStatus": "STOPPED"},
    "/api/deliveries/{delivery}/redeliver": lambda _: {},
    "/api/endpoints/{endpoint}/enable": lambda _: {},
    "/api/workspaces/{workspace}/credits/grant": lambda _: {"requestId": "x", "credits": 1},
    "/api/rules/{rule}": lambda _: {"etag": "1", "name": "taken over"},
    "/api/endpoints": lambda ids: {
        "workspaceId": ids["workspace"],
        "url": "http://127.0.0.1:9/mine",
    },
    "/api/rules": lambda ids: {
        "workspaceId": ids["workspace"],
        "name": "mine",
        "condition": "true",
    },
}


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
