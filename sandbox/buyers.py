"""Buyers' endpoints: `python -m sandbox.buyers --port N`.

    POST   /buyers/{name}                     takes a delivery; 401 when its signature is wrong
    PUT    /_control/buyers/{name}            {"secret": "whsec_..."}: verify from now on
    PUT    /_control/buyers/{name}/faults     `buyer_faults.BuyerFaultOrder`: {"times", "is": {...}}
    DELETE /_control/buyers/{name}/faults     all goes well again
    POST   /_control/buyers/{name}/release    let go what hangs, and hang no more
    GET    /_control/buyers/{name}/received   what came (?at_least=3&seconds=10), counts per id
    DELETE /_control/buyers/{name}/received   forget it
    GET    /_control/health                   200 when it serves

Deliveries are signed after Standard Webhooks 1.0.0; a buyer without a secret does not verify.
"""

import asyncio
from collections import Counter, deque
from typing import assert_never

import msgspec
from aiohttp import web
from standardwebhooks import Webhook

from sandbox.buyer_faults import (
    AnswerFault,
    BuyerFault,
    BuyerFaultOrder,
    CutFault,
    GzipBombFault,
    HangFault,
    ResetAfterFault,
    ResetBeforeFault,
    cut_off,
    gzip_bomb,
)
from sandbox.journal import Journal, wait_terms
from sandbox.serving import control_body, json_answer, reset, run

_BODY_BYTES_MAX = 4 * 1024 * 1024


class BuyerSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A buyer's secret; None: signatures are not looked at."""

    secret: str | None = None


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request; `outcome` is `accepted`, `bad_signature` or the fault it met."""

    webhook_id: str
    headers: dict[str, str]
    body: str | None
    verified: bool
    outcome: str


class Buyer:
    """One buyer: its secret, its faults and what it has received."""

    def __init__(self) -> None:
        self.secret: str | None = None
        self.received: Journal[Received] = Journal()
        self.faults: deque[BuyerFault] = deque()
        self.released = asyncio.Event()

    def release(self) -> None:
        """Accepts what hangs and drops the hangs that nobody met yet."""
        self.faults = deque(fault for fault in self.faults if not isinstance(fault, HangFault))
        self.released.set()
        self.released = asyncio.Event()

    def verifies(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether the signature is good; True without a secret."""
        if self.secret is None:
            return True
        try:
            Webhook(self.secret).verify(body, headers, json_parse=False)
        # The package raises whatever a malformed header leads it to; each means "not signed".
        except Exception:
            return False
        return True


class Buyers:
    """All buyers by name, and the handlers."""

    def __init__(self) -> None:
        self._buyers: dict[str, Buyer] = {}

    def application(self) -> web.Application:
        """The HTTP application with the endpoints and the control API."""
        application = web.Application(client_max_size=_BODY_BYTES_MAX)
        control = "/_control/buyers/{name}"
        application.add_routes(
            [
                web.post("/buyers/{name}", self._deliver),
                web.put(control, self._register),
                web.put(control + "/faults", self._put_fault),
                web.delete(control + "/faults", self._delete_faults),
                web.post(control + "/release", self._release),
                web.get(control + "/received", self._get_received),
                web.delete(control + "/received", self._delete_received),
                web.get("/_control/health", self._health),
            ]
        )
        application.on_shutdown.append(self._let_go)
        return application

    def _buyer(self, request: web.Request) -> Buyer:
        return self._buyers.setdefault(request.match_info["name"], Buyer())

    async def _register(self, request: web.Request) -> web.Response:
        self._buyer(request).secret = (await control_body(request, BuyerSecret)).secret
        return json_answer({})

    async def _put_fault(self, request: web.Request) -> web.Response:
        order = await control_body(request, BuyerFaultOrder)
        self._buyer(request).faults.extend([order.what] * order.times)
        return json_answer({})

    async def _delete_faults(self, request: web.Request) -> web.Response:
        self._buyer(request).faults.clear()
        return json_answer({})

    async def _release(self, request: web.Request) -> web.Response:
        self._buyer(request).release()
        return json_answer({})

    async def _get_received(self, request: web.Request) -> web.Response:
        count, seconds = wait_terms(request)
        received = await self._buyer(request).received.at_least(count, seconds)
        counts = Counter(one.webhook_id for one in received)
        return json_answer({"received": received, "counts": counts})

    async def _delete_received(self, request: web.Request) -> web.Response:
        self._buyer(request).received.clear()
        return json_answer({})

    async def _health(self, _: web.Request) -> web.Response:
        return json_answer({"status": "ready"})

    async def _let_go(self, _: web.Application) -> None:
        for buyer in self._buyers.values():
            buyer.release()

    async def _deliver(self, request: web.Request) -> web.StreamResponse:
        buyer = self._buyer(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        fault = buyer.faults.popleft() if buyer.faults else None
        if isinstance(fault, ResetBeforeFault):
            await _record(buyer, headers, None, verified=False, outcome="reset_before")
            return reset(request)
        body = await request.read()
        if not buyer.verifies(headers, body):
            await _record(buyer, headers, body, verified=False, outcome="bad_signature")
            return json_answer({"error": "bad signature"}, status=401)
        outcome = "accepted" if fault is None else str(type(fault).__struct_config__.tag)
        # Taken before the journal wakes a test that releases what hangs.
        released = buyer.released
        await _record(buyer, headers, body, verified=buyer.secret is not None, outcome=outcome)
        return await _answer(request, fault, released)


async def _record(
    buyer: Buyer, headers: dict[str, str], body: bytes | None, *, verified: bool, outcome: str
) -> None:
    await buyer.received.add(
        Received(
            webhook_id=headers.get("webhook-id", ""),
            headers=headers,
            body=None if body is None else body.decode(errors="replace"),
            verified=verified,
            outcome=outcome,
        )
    )


async def _answer(
    request: web.Request, fault: BuyerFault | None, released: asyncio.Event
) -> web.StreamResponse:
    match fault:
        case None:
            return json_answer({"status": "accepted"})
        case AnswerFault():
            return web.Response(
                status=fault.status,
                body=bytes(fault.body),
                headers={"Content-Type": "application/json", **fault.headers},
            )
        case HangFault():
            await released.wait()
            return json_answer({"status": "accepted"})
        case ResetBeforeFault() | ResetAfterFault():
            return reset(request)
        case CutFault():
            return await cut_off(request)
        case GzipBombFault():
            return gzip_bomb()
        case unknown:
            assert_never(unknown)


if __name__ == "__main__":
    run(Buyers().application(), "Buyers' endpoints, emulated.")
