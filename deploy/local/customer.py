"""A customer's set-up through the public RPCs, as JSON over the edge; safe at every start."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp

from deploy.local.keys import Keys

PAGE_ID = "700100200300"
PHONE_NUMBER_ID = "600100200300"
PAGE_TOKEN = "sandbox-page-token"
EXTERNAL_APP_ID = "500100200300"


class RefusedError(Exception):
    """The edge did not answer 2xx; the text says what it did answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The edge as a holder of one token sees it."""

    session: aiohttp.ClientSession
    url: str
    token: str

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET; the answer's JSON. Raises RefusedError."""
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST of JSON; the answer's JSON. Raises RefusedError."""
        return await self._call("POST", path, json=body)

    async def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(
            method, self.url + path, headers=headers, **content
        ) as answer:
            if answer.status >= 300:
                raise RefusedError(f"{method} {path}: {answer.status} {await answer.text()}")
            parsed: dict[str, Any] = await answer.json()
            return parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An org with its sources, two workspaces that buy, their endpoints, rules and credits."""

    api: Api
    org_id: str
    app_secret: str
    verify_token: str
    alpha: str
    """Workspace that gets Lead Ads and orders."""
    beta: str
    """Workspace that gets everything else."""


async def set_up(
    session: aiohttp.ClientSession, *, edge_url: str, buyers_url: str, keys: Keys, run: str
) -> Customer:
    """Sets the customer up, or finds it as it was; each run grants 100 credits a workspace."""
    operator = Api(session=session, url=edge_url, token=keys.service_token("operator", seconds=600))
    org = await operator.post(
        "/api/orgs",
        {"requestId": "local-org", "name": "Example Estates", "defaultRegion": "DE"},
    )
    app_secret, verify_token = keys.secret("meta-app"), keys.secret("meta-verify-token")
    await operator.post(
        "/api/apps",
        {
            "requestId": "local-app",
            "externalAppId": EXTERNAL_APP_ID,
            "secret": app_secret,
            "verifyToken": verify_token,
        },
    )
    org_id = org["orgId"]
    api = Api(session=session, url=edge_url, token=keys.tenant_token(UUID(org_id)))
    await _create_sources(api)
    alpha = await _create_workspace(api, "alpha", buyers_url, run)
    beta = await _create_workspace(api, "beta", buyers_url, run)
    await _create_rule(api, alpha, 10, "lead.source_kind == 'meta_page' || lead.type == 'order'")
    await _create_rule(api, beta, 20, "lead.has_phone || lead.source_kind != 'api'")
    return Customer(
        api=api,
        org_id=org_id,
        app_secret=app_secret,
        verify_token=verify_token,
        alpha=alpha,
        beta=beta,
    )


async def _create_sources(api: Api) -> None:
    for kind, external_id, token in (
        ("meta_page", PAGE_ID, PAGE_TOKEN),
        ("whatsapp_number", PHONE_NUMBER_ID, ""),
    ):
        await api.post(
            "/api/sources",
            {
                "requestId": f"local-source-{external_id}",
                "kind": kind,
                "externalId": external_id,
                "name": f"Example {kind}",
                "defaultRegion": "DE",
                "accessToken": token,
            },
        )


async def _create_workspace(api: Api, name: str, buyers_url: str, run: str) -> str:
    """A workspace with an endpoint at the sandbox's buyer of that name, and credits."""
    created = await api.post(
        "/api/workspaces", {"requestId": f"local-workspace-{name}", "name": name}
    )
    workspace_id: str = created["workspace"]["workspaceId"]
    url = f"{buyers_url}/buyers/{name}"
    endpoint = await api.post(
        "/api/endpoints",
        {"requestId": f"local-endpoint-{name}", "workspaceId": workspace_id, "url": url},
    )
    control = f"{buyers_url}/_control/buyers/{name}"
    async with api.session.put(control, json={"secret": endpoint["secret"]}) as answer:
        answer.raise_for_status()
    await api.post(
        f"/api/workspaces/{workspace_id}/credits/grant",
        {"requestId": f"local-credits-{name}-{run}", "credits": 100, "reason": "samples"},
    )
    return workspace_id


async def _create_rule(api: Api, workspace_id: str, priority: int, condition: str) -> None:
    await api.post(
        "/api/rules",
        {
            "requestId": f"local-rule-{priority}",
            "workspaceId": workspace_id,
            "name": f"rule {priority}",
            "priority": priority,
            "condition": condition,
        },
    )
