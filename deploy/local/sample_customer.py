"""A customer's set-up through the public RPCs, as JSON over the edge; safe at every start."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp

from deploy.local.keys import Keys

PAGE_TOKEN = "sandbox-page-token"
# Longer than a page stays leased to a service that was killed.
WAIT_SECONDS_MAX = 180.0
EXTERNAL_APP_ID = "500100200300"


class RefusedError(Exception):
    """The edge did not answer 2xx; the text says what it did answer.

    `retry_after_seconds` is the answer's RetryInfo, None where it has none.
    """

    def __init__(self, text: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


def retry_delay_seconds(body: str) -> float | None:
    """The delay of the RetryInfo in an error's JSON, None where there is none."""
    try:
        details = json.loads(body)["details"]
        delays = [each["retryDelay"] for each in details if "retryDelay" in each]
        return float(delays[0].removesuffix("s")) if delays else None
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not one of our errors: for example one of a proxy.
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The edge as a holder of one token sees it.

    An answer with RetryInfo is waited for, told to `report_wait`, and the call repeated, for
    `wait_seconds_max` in all; by default it is not.
    """

    session: aiohttp.ClientSession
    url: str
    token: str
    wait_seconds_max: float = 0
    report_wait: Callable[[str], None] | None = None

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET; the answer's JSON. Raises RefusedError."""
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST of JSON; the answer's JSON. Raises RefusedError."""
        return await self._call("POST", path, json=body)

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PATCH of JSON; the answer's JSON. Raises RefusedError."""
        return await self._call("PATCH", path, json=body)

    async def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        left_seconds = self.wait_seconds_max
        while True:
            try:
                return await self._call_once(method, path, **content)
            except RefusedError as refused:
                delay = refused.retry_after_seconds
                if delay is None or delay >= left_seconds:
                    raise
                # An answer of no delay must not be asked for without end.
                delay = max(delay, 0.1)
                left_seconds -= delay
                if self.report_wait is not None:
                    self.report_wait(f"{refused}: again in {delay:.1f} s")
            await asyncio.sleep(delay)

    async def _call_once(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(
            method, self.url + path, headers=headers, **content
        ) as answer:
            if answer.status >= 300:
                body = await answer.text()
                raise RefusedError(
                    f"{method} {path}: {answer.status} {body}",
                    retry_after_seconds=retry_delay_seconds(body),
                )
            parsed: dict[str, Any] = await answer.json()
            return parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOrg:
    """Who the customer is: the name that its request ids begin with, and its ids at Meta."""

    name: str = "local"
    page_id: str = "700100200300"
    phone_number_id: str = "600100200300"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An org with its sources, two workspaces that buy, their endpoints, rules and credits."""

    org: SampleOrg
    api: Api
    org_id: str
    app_secret: str
    verify_token: str
    alpha: str
    """Workspace that gets Lead Ads and orders."""
    beta: str
    """Workspace that gets everything else."""


async def set_up(
    session: aiohttp.ClientSession,
    *,
    edge_url: str,
    buyers_url: str,
    keys: Keys,
    run: str,
    org: SampleOrg | None = None,
    credits: int = 100,
    report_wait: Callable[[str], None] | None = None,
) -> Customer:
    """Sets the customer up, or finds it as it was; each run grants credits to each workspace.

    With `report_wait` its calls wait for RetryInfo and are repeated.
    """
    wait_seconds_max = 0 if report_wait is None else WAIT_SECONDS_MAX
    org = org or SampleOrg()
    name = org.name
    operator = Api(
        session=session,
        url=edge_url,
        token=keys.service_token("operator", seconds=600),
        wait_seconds_max=wait_seconds_max,
        report_wait=report_wait,
    )
    created = await operator.post(
        "/api/orgs",
        {"requestId": f"{name}-org", "name": "Example Estates", "defaultRegion": "DE"},
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
    org_id = created["orgId"]
    api = dataclasses.replace(operator, token=keys.tenant_token(UUID(org_id)))
    await _create_sources(api, org)
    grant = (run, credits)
    alpha = await _create_workspace(api, name, "alpha", buyers_url, grant)
    beta = await _create_workspace(api, name, "beta", buyers_url, grant)
    await _create_rule(
        api, name, alpha, 10, "lead.source_kind == 'meta_page' || lead.type == 'order'"
    )
    await _create_rule(api, name, beta, 20, "lead.has_phone || lead.source_kind != 'api'")
    return Customer(
        org=org,
        api=api,
        org_id=org_id,
        app_secret=app_secret,
        verify_token=verify_token,
        alpha=alpha,
        beta=beta,
    )


async def _create_sources(api: Api, org: SampleOrg) -> None:
    for kind, external_id, token in (
        ("meta_page", org.page_id, PAGE_TOKEN),
        ("whatsapp_number", org.phone_number_id, ""),
    ):
        await api.post(
            "/api/sources",
            {
                "requestId": f"{org.name}-source-{external_id}",
                "kind": kind,
                "externalId": external_id,
                "name": f"Example {kind}",
                "defaultRegion": "DE",
                "accessToken": token,
            },
        )


async def _create_workspace(
    api: Api, customer: str, name: str, buyers_url: str, grant: tuple[str, int]
) -> str:
    """A workspace with an endpoint at a buyer of the sandbox's, and credits."""
    run, credits = grant
    buyer = f"{customer}-{name}"
    created = await api.post("/api/workspaces", {"requestId": f"{buyer}-workspace", "name": name})
    workspace_id: str = created["workspace"]["workspaceId"]
    url = f"{buyers_url}/buyers/{buyer}"
    endpoint = await api.post(
        "/api/endpoints",
        {"requestId": f"{buyer}-endpoint", "workspaceId": workspace_id, "url": url},
    )
    control = f"{buyers_url}/_control/buyers/{buyer}"
    async with api.session.put(control, json={"secret": endpoint["secret"]}) as answer:
        answer.raise_for_status()
    await api.post(
        f"/api/workspaces/{workspace_id}/credits/grant",
        {"requestId": f"{buyer}-credits-{run}", "credits": credits, "reason": "samples"},
    )
    return workspace_id


async def _create_rule(
    api: Api, customer: str, workspace_id: str, priority: int, condition: str
) -> None:
    await api.post(
        "/api/rules",
        {
            "requestId": f"{customer}-rule-{priority}",
            "workspaceId": workspace_id,
            "name": f"rule {priority}",
            "priority": priority,
            "condition": condition,
        },
    )
