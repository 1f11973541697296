"""Ingest's HTTP server: webhooks and a liveness check."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from opentelemetry.trace import SpanKind

from services.chassis.batching import Closed, Overloaded
from services.chassis.errors import INTERNAL_TEXT, DomainError
from services.chassis.telemetry import Work, log, work
from services.chassis.trace import Start, parse
from services.ingest.config import IngestConfig
from services.ingest.webhook_receiver import SIGNATURE_HEADER, EncodedBodyError, WebhookReceiver

# Reflected to strangers, so bounded and of harmless characters.
_CHALLENGE: Final = re.compile(r"^[A-Za-z0-9._-]{1,512}$")
_PLAIN: Final = {"X-Content-Type-Options": "nosniff"}
_HTTP_STATUS: Final = {"TOKEN_REFUSED": 401, "INVALID_REQUEST": 400, "UNAVAILABLE": 503}
# google.rpc.Code of each status, as the edge has it for its own errors; any other: UNKNOWN.
_CODES: Final = {
    400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 3, 415: 3, 500: 13, 503: 14,
}  # fmt: skip
_UNKNOWN: Final = 2


class WebhookApp:
    """The endpoints that Meta calls."""

    def __init__(self, receiver: WebhookReceiver, config: IngestConfig) -> None:
        self._receiver = receiver
        self._config = config

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(
            client_max_size=self._config.webhook_bytes_max, middlewares=[_errors_as_json]
        )
        app.add_routes(
            [
                web.get("/webhooks/meta", self.verify, allow_head=False),
                web.post("/webhooks/meta", self.receive),
                web.get("/healthz", self.healthz),
            ]
        )
        return app

    async def healthz(self, _: web.Request) -> web.Response:
        """200 while the process serves."""
        return web.json_response({"status": "serving"})

    async def verify(self, request: web.Request) -> web.Response:
        """Meta's verification handshake: the challenge as plain text, 403 without a known token."""
        query = request.query
        challenge = query.get("hub.challenge", "")
        token = query.get("hub.verify_token", "")
        if query.get("hub.mode") != "subscribe" or not token:
            return _error(403, "Send hub.mode=subscribe and hub.verify_token.")
        try:
            known = await self._receiver.knows_verify_token(token)
        except DomainError as error:
            return _refusal(error)
        if not known:
            return _error(403, "hub.verify_token is not the verify token of a registered app.")
        if not _CHALLENGE.fullmatch(challenge):
            return _error(
                400, "hub.challenge must be 1 to 512 letters, digits, dots, hyphens or underscores."
            )
        return web.Response(text=challenge, headers=_PLAIN)

    async def receive(self, request: web.Request) -> web.Response:
        """One webhook: 200 once it is durable."""
        caller_trace = parse(request.headers.get("traceparent"), request.headers.get("tracestate"))
        # A caller from outside does not choose our trace; the caller's own is linked.
        start = Start(parent=None, links=(caller_trace,) if caller_trace else ())
        with work("webhook", request.path, start=start, span_kind=SpanKind.SERVER) as unit:
            response = await self._answer(request, unit)
            response.headers["x-waybill-trace-id"] = unit.trace.trace_id
            unit.outcome = str(response.status)
            return response

    async def _answer(self, request: web.Request, unit: Work) -> web.Response:
        try:
            async with asyncio.timeout(self._config.webhook_read_seconds):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _error(413, f"The body has more than {self._config.webhook_bytes_max} bytes.")
        except TimeoutError:
            return _error(408, "The body did not arrive in time.")
        except web.RequestPayloadError:
            return _error(400, "The body is not what its headers say it is.")
        if len(request.headers.getall(SIGNATURE_HEADER, [])) > 1:
            return _error(401, f"{SIGNATURE_HEADER} was sent more than once.")
        try:
            webhook = await self._receiver.receive(
                path=request.path,
                headers=request.headers,
                body=body,
                trace=unit.trace,
                caller_trace=parse(request.headers.get("traceparent")),
            )
        except DomainError as error:
            unit.note(reason=error.reason)
            return _refusal(error)
        except EncodedBodyError:
            return _error(
                415, "The body has a Content-Encoding. Send it without one, as it was signed."
            )
        except (Overloaded, Closed):
            return _error(503, "Too many webhooks wait to be stored. Send it again.")
        except Exception as error:
            log.error("uncaught", path=request.path, error=type(error).__name__, exc_info=True)
            return _error(500, INTERNAL_TEXT)
        unit.note(delivery_id=str(webhook.delivery_id), items=len(webhook.items), bytes=len(body))
        return web.json_response({"status": "stored"})


def _refusal(error: DomainError) -> web.Response:
    status = _HTTP_STATUS.get(error.reason, 500)
    return _error(status, error.message if status != 500 else INTERNAL_TEXT)


def _error(status: int, message: str) -> web.Response:
    headers = {"Retry-After": "1"} if status == 503 else {}
    body = {"code": _CODES.get(status, _UNKNOWN), "message": message, "details": []}
    return web.json_response(body, status=status, headers=headers)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the HTTP server itself refuses (a path, a method) gets the same body as our errors."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        response = _error(error.status, f"{error.reason}.")
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response


@asynccontextmanager
async def serving_http(receiver: WebhookReceiver, config: IngestConfig) -> AsyncIterator[int]:
    """Serves webhooks until the block ends, then lets those under way finish; yields the port."""
    host, _, port = config.http_listen.rpartition(":")
    runner = web.AppRunner(
        WebhookApp(receiver, config).app(),
        access_log=None,
        shutdown_timeout=config.drain_seconds,
        handler_cancellation=False,
        auto_decompress=False,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, int(port), backlog=1024)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
