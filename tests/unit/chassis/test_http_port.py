"""An HTTP port: what aiohttp refuses by itself is answered in our shape and quotes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.chassis.config import ServiceConfig
from services.chassis.errors import INTERNAL_TEXT
from services.chassis.http_port import errors_as_json, serving_port
from services.chassis.rpc.server import HEADERS_BYTES_MAX

SECRET = b"SECRET"
REFUSED = "The request is not valid HTTP, or its headers are too large."


async def fail(_: web.Request) -> web.Response:
    raise ValueError(SECRET)


async def echo_length(request: web.Request) -> web.Response:
    return web.Response(text=str(len(request.headers.get("x-note", request.path_qs))))


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    config = ServiceConfig(
        database_url="postgres://nowhere",
        listen="127.0.0.1:0",
        jwks_file=tmp_path / "jwks.json",
        token_file=tmp_path / "own.jwt",
        sealing_keys_file=tmp_path / "ring.json",
        drain_seconds=1,
    )
    app = web.Application(middlewares=[errors_as_json])
    app.add_routes([web.get("/fail", fail), web.get("/length", echo_length)])
    async with serving_port(app, "127.0.0.1:0", config, backlog=16) as port:
        yield port


async def answer(port: int, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(20):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), body


def told(body: bytes) -> tuple[int, str]:
    """Code and message, of a body in our shape."""
    value: dict[str, Any] = json.loads(body)
    assert (sorted(value), value["details"]) == (["code", "details", "message"], [])
    return value["code"], value["message"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"SECRET\r\n\r\n",
        b"GET /SECRET HTTP/9.9\r\n\r\n",
        b"GET /length HTTP/1.1\r\nhost: a\r\nSEC RET: x\r\n\r\n",
        b"GET /length HTTP/1.1\r\nhost: a\r\nx-note: SECRET\0\r\n\r\n",
        b"POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: SECRET\r\n\r\n",
        b"GET /length HTTP/1.1\r\nhost: a\r\nx-note: SECRET"
        + b"a" * (HEADERS_BYTES_MAX + 8)
        + b"\r\n\r\n",
    ],
    ids=["line", "version", "name", "value", "length", "size"],
)
async def test_what_the_parser_refuses_is_told_without_a_word_of_it(
    port: int, request_bytes: bytes
) -> None:
    status, body = await answer(port, request_bytes)
    assert (status, told(body)) == (400, (3, REFUSED))
    assert SECRET not in body


async def test_a_path_or_method_that_is_not_there_is_told_in_our_shape(port: int) -> None:
    lines = b"HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    status, body = await answer(port, b"GET /SECRET " + lines)
    assert (status, told(body)) == (404, (5, "Not Found."))
    status, body = await answer(port, b"PUT /length " + lines)
    assert (status, told(body)) == (405, (12, "Method Not Allowed."))


async def test_a_bug_is_told_as_one(port: int) -> None:
    status, body = await answer(port, b"GET /fail HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (status, told(body)) == (500, (13, INTERNAL_TEXT))


async def test_headers_as_large_as_the_edge_lets_them_pass_are_read(port: int) -> None:
    note = b"a" * 16_384
    closed = b"HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
    assert await answer(port, b"GET /length " + closed + b"x-note: " + note + b"\r\n\r\n") == (
        200,
        b"16384",
    )
    status, body = await answer(port, b"GET /length?" + note + b" " + closed + b"\r\n")
    assert (status, body) == (200, b"16392")
