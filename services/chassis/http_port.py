"""An HTTP port of a service: its errors in the shape of the edge's, and its lifetime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from services.chassis.config import ServiceConfig
from services.chassis.errors import INTERNAL_TEXT
from services.chassis.rpc.server import HEADERS_BYTES_MAX
from services.chassis.telemetry import log

# google.rpc.Code of each status, as the edge has it for its own errors; any other: UNKNOWN.
_CODES: Final = {
    400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 3, 415: 3, 431: 3, 500: 13, 503: 14,
}  # fmt: skip
_UNKNOWN: Final = 2
# As wide as those for gRPC, so that what the edge takes in is never refused here.
_CONNECTION: Final[dict[str, Any]] = {
    "access_log": None,
    "max_line_size": HEADERS_BYTES_MAX,
    "max_field_size": HEADERS_BYTES_MAX,
    "max_headers": 200,
}


def error_response(status: int, message: str) -> web.Response:
    """`{"code", "message", "details"}`; 503 says when to come back."""
    headers = {"Retry-After": "1"} if status == 503 else {}
    body = {"code": _CODES.get(status, _UNKNOWN), "message": message, "details": []}
    return web.json_response(body, status=status, headers=headers)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives what the HTTP server itself refuses (a path, a method) the body of our errors."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        response = error_response(error.status, f"{error.reason}.")
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response


class _Connection(web.RequestHandler):
    """Answers what the parser refuses with a fixed text: aiohttp's own quotes the request."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= 500:
            log.error("uncaught", error=type(exc).__name__, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        refused = "The request is not valid HTTP, or its headers are too large."
        response = error_response(status, refused if status < 500 else INTERNAL_TEXT)
        response.force_close()
        return response


@asynccontextmanager
async def serving_port(
    app: web.Application, listen: str, config: ServiceConfig, *, backlog: int, **options: Any
) -> AsyncIterator[int]:
    """Serves `app` at `listen` until the block ends, then lets what is under way finish; gives the
    port. `options` are those of aiohttp's connections."""
    host, _, port = listen.rpartition(":")
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=config.drain_seconds, handler_cancellation=False
    )
    await runner.setup()
    loop, server = asyncio.get_running_loop(), runner.server
    if server is None:
        raise RuntimeError("aiohttp's runner was set up without a server")

    def connection() -> _Connection:
        return _Connection(server, loop=loop, **_CONNECTION, **options)

    listener = await loop.create_server(connection, host, int(port), backlog=backlog)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await runner.cleanup()
