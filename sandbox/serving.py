"""Serves a sandbox application: inside a test, or as a process of its own."""

import argparse
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from aiohttp import web

_SHUTDOWN_SECONDS = 1.0
Shape = TypeVar("Shape")


@asynccontextmanager
async def serving(
    application: web.Application, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serves `application` and gives its base URL (no slash at the end); port 0: a free one."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0][1]
        yield f"http://{host}:{bound}"
    finally:
        await runner.cleanup()


def run(application: web.Application, description: str) -> None:
    """Serves `application` until SIGTERM or Ctrl-C, at the address the command line gives."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, required=True)
    chosen = arguments.parse_args()
    web.run_app(
        application,
        host=chosen.host,
        port=chosen.port,
        access_log=None,
        print=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )


def reset(request: web.Request) -> web.Response:
    """Ends the connection with RST instead of an answer; what it returns is never sent."""
    if request.transport is not None:
        connection: socket.socket | None = request.transport.get_extra_info("socket")
        if connection is not None:
            # Lingering for 0 s makes close() send RST: socket(7).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


def json_answer(value: object, *, status: int = 200) -> web.Response:
    """An answer of a control API."""
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json"
    )


async def control_body(request: web.Request, shape: type[Shape]) -> Shape:
    """The body of a call to a control API; a body of another shape is 400 with the reason."""
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"control body: {error}") from error
