"""The conversations part of the Graph emulator, on a clock that can be moved.

    GET  /v25.0/{page_id}/conversations      pages of the list, with cursors
    GET  /v25.0/{thread_id}/messages         the 20 newest messages of one
    GET  /v25.0/{page_id}/subscribed_apps    what the page sends to the app; POST subscribes
    PUT    /_control/pages/{id}              `meta_pages.PageOrder`: make a page
    PUT    /_control/pages/{id}/behaviour    `meta_pages.Behaviour`: how it answers from now on
    PUT    /_control/pages/{id}/token        {"token": "..."}: another token is good
    POST   /_control/pages/{id}/messages     {"thread_id", "at"}: something new is said
    GET    /_control/pages/{id}/conversations  every conversation with its messages' ids
    GET    /_control/pages/{id}/calls        {"calls": n, "refused": n, "busiest_second": n}
    PUT    /_control/clock                   {"ahead_seconds": n}

Limits: two calls a second for a page, and a percentage of calls in the last hour. Shapes and
codes: Meta's Graph API documentation, state mid-2026.
"""

import base64
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from sandbox.meta_faults import error_body
from sandbox.meta_json import meta_bytes
from sandbox.meta_pages import (
    Behaviour,
    Page,
    PageOrder,
    Thread,
    cursor_of,
    iso,
)
from sandbox.serving import control_body, json_answer

CALLS_PER_SECOND_MAX = 2
# Clocks of two processes and the network between them: what is two a second there may arrive so
# much closer together here.
_JITTER_SECONDS = 0.1
_APP = {"name": "Waybill", "id": "500100200300"}
_NO_CURSOR = "(#100) Invalid cursors values: After Cursor is not valid"
_TOO_MUCH = "Please reduce the amount of data you're asking for, then retry your request"
_LIMITED = "(#80006) There have been too many messenger api calls to this Page account."
_TOO_FAST = "(#613) Calls to this api have exceeded the rate limit."


class NewMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something new that is said in a conversation."""

    thread_id: str
    at: int
    from_page: bool = False


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token that is good from now on."""

    token: str


class ClockOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the emulator's clock is ahead of the world's."""

    ahead_seconds: float


class RefusedCall(Exception):
    """The platform answers an error."""

    def __init__(self, body: dict[str, Any], *, regain_minutes: int = 0) -> None:
        super().__init__(body["error"]["message"])
        self.body = body
        self.regain_minutes = regain_minutes


class Conversations:
    """Pages and the handlers of their calls; `now` says unix seconds."""

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.refused: dict[str, int] = {}
        self._ahead_seconds = 0.0
        self._now = now or (lambda: time.time() + self._ahead_seconds)

    def routes(self) -> Sequence[web.RouteDef]:
        """What is added to the emulator's application."""
        control = "/_control/pages/{id}"
        version = r"/{version:v\d+\.\d+}"
        return [
            web.put(control, self._put_page),
            web.put(control + "/behaviour", self._put_behaviour),
            web.put(control + "/token", self._put_token),
            web.put(control + "/subscription", self._put_subscription),
            web.post(control + "/messages", self._post_message),
            web.get(control + "/conversations", self._get_all),
            web.get(control + "/calls", self._get_calls),
            web.put("/_control/clock", self._put_clock),
            web.get(version + "/{id}/conversations", self._list),
            web.get(version + "/{id}/messages", self._messages),
            web.get(version + "/{id}/subscribed_apps", self._subscribed_apps),
            web.post(version + "/{id}/subscribed_apps", self._subscribe),
        ]

    def busiest_second(self, page_id: str) -> int:
        """The most calls that any second saw."""
        calls_at = self.pages[page_id].calls_at
        most, start = 0, 0
        for end, at in enumerate(calls_at):
            while at - calls_at[start] >= 1 - 1e-6:
                start += 1
            most = max(most, end - start + 1)
        return most

    async def _put_page(self, request: web.Request) -> web.Response:
        page_id = request.match_info["id"]
        self.pages[page_id] = Page(page_id, await control_body(request, PageOrder))
        return json_answer({})

    async def _put_behaviour(self, request: web.Request) -> web.Response:
        self._known(request).behaviour = await control_body(request, Behaviour)
        return json_answer({})

    async def _put_token(self, request: web.Request) -> web.Response:
        self._known(request).token = (await control_body(request, NewToken)).token
        return json_answer({})

    async def _put_subscription(self, request: web.Request) -> web.Response:
        self._known(request).subscribed_fields = await control_body(request, list[str])
        return json_answer({})

    async def _post_message(self, request: web.Request) -> web.Response:
        new = await control_body(request, NewMessage)
        page = self._known(request)
        said = page.add_message(new.thread_id, at=new.at, from_page=new.from_page)
        return json_answer({"message_id": said.id})

    async def _get_all(self, request: web.Request) -> web.Response:
        threads = [
            {
                "id": thread.id,
                "contact_id": thread.contact_id,
                "message_ids": [said.id for said in thread.messages],
            }
            for thread in self._known(request).threads
        ]
        return json_answer({"conversations": threads})

    async def _get_calls(self, request: web.Request) -> web.Response:
        page = self._known(request)
        return json_answer(
            {
                "calls": len(page.calls_at),
                "refused": self.refused.get(page.id, 0),
                "busiest_second": self.busiest_second(page.id),
            }
        )

    async def _put_clock(self, request: web.Request) -> web.Response:
        self._ahead_seconds = (await control_body(request, ClockOrder)).ahead_seconds
        return json_answer({})

    def _known(self, request: web.Request) -> Page:
        page_id = request.match_info["id"]
        if page_id not in self.pages:
            raise web.HTTPNotFound(text=f"no page {page_id}")
        return self.pages[page_id]

    async def _list(self, request: web.Request) -> web.Response:
        return self._answered(request, self._owner(request.match_info["id"]), _list_page)

    async def _messages(self, request: web.Request) -> web.Response:
        thread_id = request.match_info["id"]
        page = next((each for each in self.pages.values() if each.thread(thread_id)), None)
        return self._answered(request, page, _message_page)

    async def _subscribed_apps(self, request: web.Request) -> web.Response:
        return self._answered(
            request, self._owner(request.match_info["id"]), lambda page, _: _subscribed(page)
        )

    async def _subscribe(self, request: web.Request) -> web.Response:
        def subscribe(page: Page, request: web.Request) -> dict[str, Any]:
            page.subscribed_fields = request.query["subscribed_fields"].split(",")
            return {"success": True}

        return self._answered(request, self._owner(request.match_info["id"]), subscribe)

    def _owner(self, page_id: str) -> Page | None:
        return self.pages.get(page_id)

    def _answered(
        self,
        request: web.Request,
        page: Page | None,
        answer: Callable[[Page, web.Request], dict[str, Any]],
    ) -> web.Response:
        if page is None:
            message = f"Unsupported get request. Object with ID '{request.match_info['id']}'"
            body = error_body(100, message, kind="GraphMethodException", subcode=33)
            return web.Response(status=400, body=meta_bytes(body))
        try:
            self._admit(page, request)
            status, body, regain = 200, answer(page, request), 0
        except RefusedCall as refused:
            status, body, regain = 400, refused.body, refused.regain_minutes
            self.refused[page.id] = self.refused.get(page.id, 0) + 1
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "facebook-api-version": "v26.0",
            **self._usage(page, regain),
        }
        return web.Response(status=status, body=meta_bytes(body), headers=headers)

    def _admit(self, page: Page, request: web.Request) -> None:
        """Counts the call, and refuses it for its token or its limits."""
        now = self._now()
        page.calls_at.append(now)
        behaviour = page.behaviour
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        died = 0 < behaviour.token_dies_after_calls < len(page.calls_at)
        if given != page.token or died:
            message = "Error validating access token: The session has been invalidated"
            raise RefusedCall(error_body(190, message, subcode=460))
        if behaviour.error_calls > 0 and behaviour.error_thread in ("", request.match_info["id"]):
            refuse_planned(page)
        if not behaviour.limits_calls:
            return
        lately = [at for at in page.calls_at[-4:] if now - at < 1 - _JITTER_SECONDS]
        if len(lately) > CALLS_PER_SECOND_MAX:
            raise RefusedCall(error_body(613, _TOO_FAST, subcode=2534040))
        if self._percent(page) >= 100:
            raise RefusedCall(error_body(80006, _LIMITED), regain_minutes=10)

    def _percent(self, page: Page) -> int:
        hour_ago = self._now() - 3600
        lately = sum(1 for at in page.calls_at if at > hour_ago)
        return min(100, lately * 100 // page.behaviour.calls_in_full)

    def _usage(self, page: Page, regain_minutes: int) -> dict[str, str]:
        percent = self._percent(page)
        usage = {"call_count": percent, "total_cputime": 1, "total_time": 2}
        business = {
            **usage, "type": "messenger", "estimated_time_to_regain_access": regain_minutes
        }  # fmt: skip
        other = {**business, "type": "pages", "call_count": 0}
        # The real header repeats keys, so this one is put together by hand.
        first, second = (msgspec.json.encode([each]).decode() for each in (business, other))
        return {
            "X-App-Usage": msgspec.json.encode({**usage, "call_count": 1}).decode(),
            "X-Business-Use-Case-Usage": f'{{"{page.id}":{first},"{page.id}":{second}}}',
        }


def refuse_planned(page: Page) -> None:
    """The next of the errors that the page's behaviour asks for."""
    behaviour = page.behaviour
    if behaviour.error_after > 0:
        left = behaviour.error_after - 1
        page.behaviour = msgspec.structs.replace(behaviour, error_after=left)
        return
    left = behaviour.error_calls - 1
    page.behaviour = msgspec.structs.replace(behaviour, error_calls=left)
    raise RefusedCall(error_body(behaviour.error_code, behaviour.error_text))


def _list_page(page: Page, request: web.Request) -> dict[str, Any]:
    behaviour = page.behaviour
    limit = int(request.query.get("limit", "25"))
    if 0 < behaviour.reduce_above < limit and "messages" in request.query.get("fields", ""):
        raise RefusedCall(error_body(1, _TOO_MUCH))
    limit = min(limit, behaviour.limit_max)
    page.lists += 1
    start, after = _start(page, request)
    if behaviour.circling and after is not None:
        start = 0
    if start is None:
        return {"data": [], "paging": {"cursors": {"before": after, "after": after}}}
    if behaviour.empty_every and page.lists % behaviour.empty_every == 0 and after is not None:
        # Empty, and yet there is more: another cursor leads on from the same place.
        cursor = cursor_of([*page.slice(start - 1, 1)[0].place, page.lists])
        return {"data": [], "paging": _paging(request, cursor)}
    threads = page.slice(start, limit)
    data = [_shown(page, thread, request) for thread in threads]
    has_next = start + limit < len(page)
    answer: dict[str, Any] = {"data": data}
    if threads:
        cursor = cursor_of([*threads[-1].place])
        answer["paging"] = (
            _paging(request, cursor)
            if has_next
            else {"cursors": {"before": cursor, "after": cursor}}
        )
    if behaviour.moves_per_call:
        page.move_some(behaviour.moves_per_call)
    return answer


def _start(page: Page, request: web.Request) -> tuple[int | None, str | None]:
    """Where the answer begins (None: nowhere), and the cursor that was sent."""
    after = request.query.get("after")
    if after is None:
        return 0, None
    behaviour = page.behaviour
    if behaviour.reject_cursors > 0:
        page.behaviour = msgspec.structs.replace(
            behaviour, reject_cursors=behaviour.reject_cursors - 1
        )
        raise RefusedCall(error_body(100, _NO_CURSOR))
    start = page.position_after(after)
    if behaviour.stale_cursors > 0 and behaviour.stale_after > 0:
        page.behaviour = msgspec.structs.replace(behaviour, stale_after=behaviour.stale_after - 1)
    elif behaviour.stale_cursors > 0:
        page.behaviour = msgspec.structs.replace(
            behaviour, stale_cursors=behaviour.stale_cursors - 1
        )
        wrong = {"skip": start + behaviour.stale_skip, "head": 0, "end": None}
        return wrong[behaviour.stale_mode], after
    return start, after


def _shown(page: Page, thread: Thread, request: web.Request) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": thread.id, "updated_time": iso(thread.updated_at)}
    if "messages" not in request.query.get("fields", ""):
        return shown
    said = thread.shown_messages()
    nested = said[: page.behaviour.nested_max]
    messages: dict[str, Any] = {"data": [each.shown(page.id, thread.contact_id) for each in nested]}
    if len(nested) < len(said):
        messages["paging"] = _message_paging(page, request, thread, len(nested))
    people = [
        {"id": thread.contact_id, "name": f"{page.person} {thread.contact_id}"},
        {"id": page.id, "name": "Page"},
    ]
    if thread.broken:
        people = people[1:]
        broken = {"data": [{"created_time": "never"}, "no object"]}
        messages = {**broken, "paging": _paging(request, cursor_of(0))}
    return {
        **shown,
        "message_count": len(thread.messages),
        "participants": {"data": people},
        "messages": messages,
    }


def _message_page(page: Page, request: web.Request) -> dict[str, Any]:
    thread = page.thread(request.match_info["id"])
    assert thread is not None
    start = 0
    if until := request.query.get("until"):
        start = sum(1 for said in thread.shown_messages() if said.at >= int(until))
    if after := request.query.get("after"):
        if page.behaviour.reject_cursors > 0:
            page.behaviour = msgspec.structs.replace(
                page.behaviour, reject_cursors=page.behaviour.reject_cursors - 1
            )
            raise RefusedCall(error_body(100, _NO_CURSOR))
        start = msgspec.json.decode(base64.urlsafe_b64decode(after), type=int)
    said = thread.shown_messages()
    end = start + min(int(request.query.get("limit", "25")), page.behaviour.nested_max)
    answer: dict[str, Any] = {
        "data": [each.shown(page.id, thread.contact_id) for each in said[start:end]]
    }
    if end < len(said):
        answer["paging"] = _message_paging(page, request, thread, end)
    elif page.behaviour.circling:
        answer["paging"] = _message_paging(page, request, thread, 1)
    return answer


def _message_paging(page: Page, request: web.Request, thread: Thread, end: int) -> dict[str, Any]:
    """What leads on from the message before `end`."""
    if not page.behaviour.time_paging:
        return _paging(request, cursor_of(end))
    last = thread.shown_messages()[end - 1]
    return {"next": f"{_address(request)}&limit=25&until={last.at}&__paging_token={last.id}"}


def _paging(request: web.Request, after: str) -> dict[str, Any]:
    """With the token in `next`, as the real one has it."""
    url = f"{_address(request)}&after={after}"
    return {"cursors": {"before": after, "after": after}, "next": url}


def _address(request: web.Request) -> str:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return f"https://graph.facebook.com{request.path}?access_token={token}"


def _subscribed(page: Page) -> dict[str, Any]:
    if not page.subscribed_fields:
        return {"data": []}
    return {"data": [{**_APP, "subscribed_fields": page.subscribed_fields}]}


__all__ = ["CALLS_PER_SECOND_MAX", "Behaviour", "Conversations", "Page", "PageOrder"]
