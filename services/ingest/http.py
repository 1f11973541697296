"""Ingest's HTTP server: webhooks and a liveness check."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from opentelemetry.trace import SpanKind

from services.chassis.batching import Closed, Overloaded
from services.chassis.errors import INTERNAL_TEXT, DomainError
from services.chassis.http_port import error_response, errors_as_json, serving_port
from services.chassis.telemetry import Work, log, work
from services.chassis.trace import Start, parse
from services.ingest.config import IngestConfig
from services.ingest.webhook_receiver import SIGNATURE_HEADER, EncodedBodyError, WebhookReceiver

# Reflected to strangers, so bounded and of harmless characters.
_CHALLENGE: Final = re.compile(r"^[A-Za-z0-9._-]{1,512}$")
_PLAIN: Final = {"X-Content-Type-Options": "nosniff"}
_HTTP_STATUS: Final = {"TOKEN_REFUSED": 401, "INVALID_REQUEST": 400, "UNAVAILABLE": 503}


class WebhookApp:
    """The endpoints that Meta calls."""

    def __init__(self, receiver: WebhookReceiver, config: IngestConfig) -> None:
        self._receiver = receiver
        self._config = config

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(
            client_max_size=self._config.webhook_bytes_max, middlewares=[errors_as_json]
        )
        app.add_routes(
            [
                web.get("/webhooks/meta", self.verify),
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
            return error_response(403, "Send hub.mode=subscribe and hub.verify_token.")
        try:
            known = await self._receiver.knows_verify_token(token)
        except DomainError as error:
            return _refusal(error)
        if not known:
            return error_response(
                403, "hub.verify_token is not the verify token of a registered app."
            )
        if not _CHALLENGE.fullmatch(challenge):
            return error_response(
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
            return error_response(
                413, f"The body has more than {self._config.webhook_bytes_max} bytes."
            )
        except TimeoutError:
            return error_response(408, "The body did not arrive in time.")
        except web.RequestPayloadError:
            return error_response(400, "The body is not what its headers say it is.")
        if len(request.headers.getall(SIGNATURE_HEADER, [])) > 1:
            return error_response(401, f"{SIGNATURE_HEADER} was sent more than once.")
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
            return error_response(
                415, "The body has a Content-Encoding. Send it without one, as it was signed."
            )
        except (Overloaded, Closed):
            return error_response(503, "Too many webhooks wait to be stored. Send it again.")
        except Exception as error:
            log.error("uncaught", path=request.path, error=type(error).__name__, exc_info=True)
            return error_response(500, INTERNAL_TEXT)
        unit.note(delivery_id=str(webhook.delivery_id), items=len(webhook.items), bytes=len(body))
        return web.json_response({"status": "stored"})


def _refusal(error: DomainError) -> web.Response:
    status = _HTTP_STATUS.get(error.reason, 500)
    return error_response(status, error.message if status != 500 else INTERNAL_TEXT)


@asynccontextmanager
async def serving_http(receiver: WebhookReceiver, config: IngestConfig) -> AsyncIterator[int]:
    """Serves webhooks until the block ends, then lets those under way finish; yields the port."""
    app = WebhookApp(receiver, config).app()
    async with serving_port(
        app, config.http_listen, config, backlog=1024, auto_decompress=False
    ) as port:
        yield port
