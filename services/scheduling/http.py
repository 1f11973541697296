"""Scheduling's HTTP port: calendar feeds by their secret addresses, and liveness."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web
from opentelemetry.trace import SpanKind

from services.chassis.errors import INTERNAL_TEXT, DomainError
from services.chassis.http_port import error_response, errors_as_json, serving_port
from services.chassis.telemetry import Work, log, work
from services.chassis.trace import Start, parse
from services.scheduling import ical
from services.scheduling.config import SchedulingConfig
from services.scheduling.feed_secrets import FeedSecret, parse_secret
from services.scheduling.records.calendars import Calendar
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.availability import AvailabilityStore
from services.scheduling.store.calendars import CalendarStore

_FREE_BUSY_DAYS: Final = 60
# A range may end every five minutes.
_FREE_RANGES_MAX: Final = _FREE_BUSY_DAYS * 24 * 12
_HEADERS: Final = {"Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"}

_MakeBody = Callable[[FeedSecret, Calendar], Awaitable[bytes]]


class FeedApp:
    """Serves feeds to calendar programs."""

    def __init__(
        self,
        calendars: CalendarStore,
        availability: AvailabilityStore,
        appointments: AppointmentStore,
        config: SchedulingConfig,
    ) -> None:
        self._calendars = calendars
        self._availability = availability
        self._appointments = appointments
        self._config = config

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=1024, middlewares=[errors_as_json])
        app.add_routes(
            [
                web.get("/calendars/{secret}/calendar.ics", self.feed),
                web.get("/calendars/{secret}/freebusy.ics", self.free_busy),
                web.get("/healthz", self.healthz),
            ]
        )
        return app

    async def healthz(self, _: web.Request) -> web.Response:
        """200 while the process serves."""
        return web.json_response({"status": "serving"})

    async def feed(self, request: web.Request) -> web.Response:
        """A calendar's appointments; 404 for an address that is unknown or was replaced."""
        return await self._traced_response(request, self._feed_body)

    async def free_busy(self, request: web.Request) -> web.Response:
        """When a calendar is busy in the next 60 days; 404 as for the feed."""
        return await self._traced_response(request, self._free_busy_body)

    async def _traced_response(self, request: web.Request, make_body: _MakeBody) -> web.Response:
        caller_trace = parse(request.headers.get("traceparent"))
        start = Start(parent=None, links=(caller_trace,) if caller_trace else ())
        # The path holds the secret: it is neither logged nor a metric's label.
        with work("webhook", "calendar feed", start=start, span_kind=SpanKind.SERVER) as unit:
            response = await self._response(request, make_body, unit)
            response.headers["x-waybill-trace-id"] = unit.trace.trace_id
            unit.outcome = str(response.status)
            return response

    async def _response(
        self, request: web.Request, make_body: _MakeBody, unit: Work
    ) -> web.Response:
        secret = parse_secret(request.match_info["secret"])
        try:
            calendar = secret and await self._calendars.get_feed(
                secret.org_id, secret.calendar_id, secret.hash
            )
            if not secret or not calendar:
                return error_response(404, "This feed does not exist or has another address now.")
            unit.note(calendar_id=str(calendar.calendar_id))
            body = await make_body(secret, calendar)
        except DomainError as error:
            unit.note(reason=error.reason)
            return error_response(503, "Try again.")
        except Exception as error:
            log.error("uncaught", error=type(error).__name__, exc_info=True)
            return error_response(500, INTERNAL_TEXT)
        return web.Response(
            body=body, content_type="text/calendar", charset="utf-8", headers=_HEADERS
        )

    async def _feed_body(self, secret: FeedSecret, calendar: Calendar) -> bytes:
        start = datetime.now(UTC) - timedelta(days=self._config.feed_past_days)
        found = await self._appointments.list_feed_appointments(
            secret.org_id, calendar.calendar_id, start, self._config.feed_appointments_max
        )
        named = [ical.NamedAppointment(appointment=each, service_name=name) for each, name in found]
        return ical.feed(calendar.name, calendar.zone, named)

    async def _free_busy_body(self, secret: FeedSecret, calendar: Calendar) -> bytes:
        now = datetime.now(UTC).replace(microsecond=0)
        end = now + timedelta(days=_FREE_BUSY_DAYS)
        free = await self._availability.list_free_ranges(
            secret.org_id, [calendar.calendar_id], now, end, limit=_FREE_RANGES_MAX
        )
        return ical.free_busy(free, now, end, now)


@asynccontextmanager
async def serving_http(
    calendars: CalendarStore,
    availability: AvailabilityStore,
    appointments: AppointmentStore,
    config: SchedulingConfig,
) -> AsyncIterator[int]:
    """Serves feeds until the block ends, then lets requests under way finish; yields the port."""
    app = FeedApp(calendars, availability, appointments, config).app()
    async with serving_port(app, config.http_listen, config, backlog=256) as port:
        yield port
