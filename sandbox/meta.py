"""The Meta platform's Graph API: `python -m sandbox.meta --port N`.

Leads are here, conversations in `meta_conversations`.

    GET /v25.0/{leadgen_id}?fields=a,b&access_token=...   what the real one answers
    PUT    /_control/leads/{id}     register a lead (`meta_leads.Lead`)
    DELETE /_control/leads/{id}     forget it
    PUT    /_control/tokens         {"tokens": [...]}: the access tokens that are good
    PUT    /_control/faults         `meta_faults.FaultOrder`: {"id", "times", "is": {"fault", ...}}
    DELETE /_control/faults         all goes well again
    POST   /_control/release        let go what a delay holds back
    GET    /_control/calls          what was asked (?at_least=3&seconds=10&id=...), no tokens
    DELETE /_control/calls          forget it
    GET    /_control/health         200 when it serves

Shapes and codes: Meta's Graph API documentation, state mid-2026.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from aiohttp import web

from sandbox.journal import Journal, wait_terms
from sandbox.meta_conversations import Conversations
from sandbox.meta_faults import (
    DelayFault,
    ErrorFault,
    FaultOrder,
    FaultPlan,
    GraphFault,
    RateLimitFault,
    ResetFault,
    error_body,
    fbtrace_id,
)
from sandbox.meta_json import meta_bytes
from sandbox.meta_leads import DEFAULT_FIELDS, FIELDS, Lead, shown
from sandbox.serving import control_body, json_answer, reset, run

DEFAULT_TOKEN = "sandbox-page-token"
_NEWEST_VERSION = (26, 0)
# A call for an expired version is answered by the oldest one that still lives.
_OLDEST_VERSION = (21, 0)
# Lead Ads business use case: 4,800 calls a day per lead; small here, so that tests see it move.
_CALLS_IN_FULL = 4800
_UNKNOWN_OBJECT = (
    "Unsupported get request. Object with ID '{id}' does not exist, cannot be loaded due to "
    "missing permissions, or does not support this operation. Please read the Graph API "
    "documentation at https://developers.facebook.com/docs/graph-api"
)
_RATE_LIMITED = (
    "(#80005) There have been too many leadgen api calls to this Page account. Wait a bit and try "
    "again. For more info, please refer to "
    "https://developers.facebook.com/docs/graph-api/overview/rate-limiting."
)


class GraphCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the Graph API; `status` 0 means that the connection was reset."""

    id: str
    version: str
    fields: list[str]
    status: int
    fault: str | None
    headers: dict[str, str]


class Tokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The access tokens that are good."""

    tokens: list[str]


class Refused(Exception):
    """The platform answers an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body["error"]["message"])
        self.status = status
        self.body = body


class MetaPlatform:
    """The emulator's state and its handlers."""

    def __init__(
        self,
        *,
        access_tokens: Iterable[str] = (DEFAULT_TOKEN,),
        now: Callable[[], float] | None = None,
    ) -> None:
        self._tokens = frozenset(access_tokens)
        self._leads: dict[str, Lead] = {}
        self._faults = FaultPlan()
        self._calls: Journal[GraphCall] = Journal()
        self._released = asyncio.Event()
        self.conversations = Conversations(now)

    def application(self) -> web.Application:
        """The HTTP application with the Graph API and the control API."""
        application = web.Application()
        application.add_routes(
            [
                web.put("/_control/leads/{id}", self._put_lead),
                web.delete("/_control/leads/{id}", self._delete_lead),
                web.put("/_control/tokens", self._put_tokens),
                web.put("/_control/faults", self._put_fault),
                web.delete("/_control/faults", self._delete_faults),
                web.post("/_control/release", self._release),
                web.get("/_control/calls", self._get_calls),
                web.delete("/_control/calls", self._delete_calls),
                web.get("/_control/health", self._health),
                *self.conversations.routes(),
                web.get(r"/{version:v\d+\.\d+}/{id}", self._get_object),
                web.get("/{id}", self._get_object),
            ]
        )
        application.on_shutdown.append(self._let_go)
        return application

    async def _put_lead(self, request: web.Request) -> web.Response:
        self._leads[request.match_info["id"]] = await control_body(request, Lead)
        return json_answer({})

    async def _delete_lead(self, request: web.Request) -> web.Response:
        self._leads.pop(request.match_info["id"], None)
        return json_answer({})

    async def _put_tokens(self, request: web.Request) -> web.Response:
        self._tokens = frozenset((await control_body(request, Tokens)).tokens)
        return json_answer({})

    async def _put_fault(self, request: web.Request) -> web.Response:
        self._faults.order(await control_body(request, FaultOrder))
        return json_answer({})

    async def _delete_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return json_answer({})

    async def _release(self, _: web.Request) -> web.Response:
        self._released.set()
        self._released = asyncio.Event()
        return json_answer({})

    async def _get_calls(self, request: web.Request) -> web.Response:
        count, seconds = wait_terms(request)
        wanted = request.query.get("id")
        calls = await self._calls.at_least(
            count, seconds, counts=lambda call: wanted in (None, call.id)
        )
        return json_answer({"calls": calls})

    async def _delete_calls(self, _: web.Request) -> web.Response:
        self._calls.clear()
        return json_answer({})

    async def _health(self, _: web.Request) -> web.Response:
        return json_answer({"status": "ready"})

    async def _let_go(self, _: web.Application) -> None:
        self._released.set()

    async def _get_object(self, request: web.Request) -> web.StreamResponse:
        object_id = request.match_info["id"]
        fault = self._faults.take(object_id)
        answer = await self._answer(request, object_id, fault)
        await self._calls.add(
            GraphCall(
                id=object_id,
                version=request.match_info.get("version", ""),
                fields=_asked_fields(request),
                status=0 if isinstance(fault, ResetFault) else answer.status,
                fault=None if fault is None else str(type(fault).__struct_config__.tag),
                headers=_safe_headers(request),
            )
        )
        return answer

    async def _answer(
        self, request: web.Request, object_id: str, fault: GraphFault | None
    ) -> web.Response:
        if isinstance(fault, ResetFault):
            return reset(request)
        if isinstance(fault, DelayFault):
            await self._released.wait()
        try:
            status, body = 200, self._look_up(request, object_id, fault)
        except Refused as refused:
            status, body = refused.status, refused.body
        regain_minutes = fault.minutes if isinstance(fault, RateLimitFault) else 0
        return web.Response(
            status=status,
            body=meta_bytes(body),
            headers=self._headers(request, object_id, status, body, regain_minutes),
        )

    def _look_up(
        self, request: web.Request, object_id: str, fault: GraphFault | None
    ) -> dict[str, Any]:
        version = _version(request)
        if version > _NEWEST_VERSION:
            raise Refused(400, error_body(2500, f"Unknown path components: {request.path}"))
        if isinstance(fault, RateLimitFault):
            raise Refused(400, error_body(80005, _RATE_LIMITED))
        if isinstance(fault, ErrorFault):
            raise Refused(
                fault.status,
                error_body(
                    fault.code,
                    fault.message,
                    kind=fault.kind,
                    subcode=fault.subcode,
                    transient=fault.transient,
                ),
            )
        self._check_token(request)
        lead = self._leads.get(object_id)
        if lead is None:
            message = _UNKNOWN_OBJECT.format(id=object_id)
            raise Refused(400, error_body(100, message, kind="GraphMethodException", subcode=33))
        fields = _asked_fields(request)
        for name in fields:
            if name not in FIELDS:
                message = f"(#100) Tried accessing nonexisting field ({name})"
                raise Refused(400, error_body(100, message))
        return shown(object_id, lead, fields or DEFAULT_FIELDS)

    def _check_token(self, request: web.Request) -> None:
        scheme, _, in_header = request.headers.get("Authorization", "").partition(" ")
        token = request.query.get("access_token") or (
            in_header if scheme in ("Bearer", "OAuth") else ""
        )
        if not token:
            message = "An access token is required to request this resource."
            raise Refused(400, error_body(104, message))
        if token not in self._tokens:
            message = "Invalid OAuth access token - Cannot parse access token"
            raise Refused(400, error_body(190, message))

    def _headers(
        self,
        request: web.Request,
        object_id: str,
        status: int,
        body: dict[str, Any],
        regain_minutes: int,
    ) -> dict[str, str]:
        lead = self._leads.get(object_id)
        used_percent = min(100, len(self._calls.entries) * 100 // _CALLS_IN_FULL)
        usage = {
            "call_count": 100 if regain_minutes else used_percent,
            "total_cputime": used_percent,
            "total_time": used_percent,
        }
        business = {
            **usage,
            "type": "leadgen",
            "estimated_time_to_regain_access": regain_minutes,
        }
        page_id = "700100200300" if lead is None else lead.page_id
        version = min(max(_version(request), _OLDEST_VERSION), _NEWEST_VERSION)
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "facebook-api-version": f"v{version[0]}.{version[1]}",
            "X-App-Usage": msgspec.json.encode(usage).decode(),
            "X-Business-Use-Case-Usage": msgspec.json.encode({page_id: [business]}).decode(),
            "x-fb-trace-id": fbtrace_id(),
        }
        if status >= 400 and body["error"]["code"] in (104, 190):
            description = body["error"]["message"]
            headers["WWW-Authenticate"] = (
                f'OAuth "Facebook Platform" "invalid_token" "{description}"'
            )
        return headers


def _asked_fields(request: web.Request) -> list[str]:
    return [name.strip() for name in request.query.get("fields", "").split(",") if name.strip()]


def _version(request: web.Request) -> tuple[int, int]:
    text = request.match_info.get("version")
    if text is None:
        return _NEWEST_VERSION
    major, minor = re.findall(r"\d+", text)
    return int(major), int(minor)


def _safe_headers(request: web.Request) -> dict[str, str]:
    """The caller's headers but those that carry its token."""
    return {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() not in ("authorization", "cookie")
    }


if __name__ == "__main__":
    run(MetaPlatform().application(), "The Meta platform's Graph API, emulated.")
