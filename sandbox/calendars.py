"""Strangers' calendars, for tests in the same process.

    async with calendars_served() as calendars:
        calendars.bodies["room"] = b"BEGIN:VCALENDAR..."
        ...import f"{calendars.url}/room"

A calendar without a body is answered 404. While `held`, those who ask get no answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from sandbox.serving import serving


class Calendars:
    """What is answered by name, and who has asked."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: dict[str, bytes] = {}
        self.asked: list[str] = []
        self._let = asyncio.Event()
        self._let.set()

    def hold(self) -> None:
        """Answers no request from now on."""
        self._let.clear()

    def let(self) -> None:
        """Answers again, those too who wait."""
        self._let.set()

    def application(self) -> web.Application:
        """The HTTP application."""
        application = web.Application()
        application.add_routes([web.get("/{name}", self._answer)])
        return application

    async def _answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append(name)
        await self._let.wait()
        body = self.bodies.get(name)
        if body is None:
            return web.Response(status=404, text=f"{name} is not a calendar here.")
        return web.Response(body=body, content_type="text/calendar")


@asynccontextmanager
async def calendars_served() -> AsyncIterator[Calendars]:
    """Calendars on a free port of loopback."""
    calendars = Calendars()
    async with serving(calendars.application()) as calendars.url:
        try:
            yield calendars
        finally:
            calendars.let()
