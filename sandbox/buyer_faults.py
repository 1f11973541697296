"""Faults that a buyer's endpoint can be made to show."""

import gzip
from functools import cache

import msgspec
from aiohttp import web

_BOMB_BYTES = 64 * 1024 * 1024


class AnswerFault(msgspec.Struct, frozen=True, kw_only=True, tag="answer", tag_field="fault"):
    """Answers `status` with `headers` (such as Retry-After or Location) and the JSON `body`."""

    status: int
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw(b"{}")


class HangFault(msgspec.Struct, frozen=True, kw_only=True, tag="hang", tag_field="fault"):
    """Reads the request and keeps it waiting until it is released, then accepts it."""


class ResetBeforeFault(
    msgspec.Struct, frozen=True, kw_only=True, tag="reset_before", tag_field="fault"
):
    """Resets the connection without reading the body."""


class ResetAfterFault(
    msgspec.Struct, frozen=True, kw_only=True, tag="reset_after", tag_field="fault"
):
    """Takes the request in, then resets the connection: the sender cannot know."""


class CutFault(msgspec.Struct, frozen=True, kw_only=True, tag="cut", tag_field="fault"):
    """Takes the request in and ends the connection in the middle of a 200 answer."""


class GzipBombFault(msgspec.Struct, frozen=True, kw_only=True, tag="gzip_bomb", tag_field="fault"):
    """Answers 200 with 64 MiB of zeros that travel as 64 KiB."""


BuyerFault = AnswerFault | HangFault | ResetBeforeFault | ResetAfterFault | CutFault | GzipBombFault


class BuyerFaultOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next `times` requests meet `is`."""

    times: int = 1
    what: BuyerFault = msgspec.field(name="is")


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(_BOMB_BYTES))


def gzip_bomb() -> web.Response:
    """64 MiB of zeros behind a Content-Encoding."""
    return web.Response(
        body=_bomb(), headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
    )


async def cut_off(request: web.Request) -> web.StreamResponse:
    """Promises 1,000 bytes, sends a few and closes the connection."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    answer.content_length = 1000
    await answer.prepare(request)
    await answer.write(b'{"status":')
    if request.transport is not None:
        request.transport.close()
    return answer
