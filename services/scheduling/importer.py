"""The importer: reads external calendars again and again, never between a check and an insert."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Final
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.outbound.client import (
    OutboundClient,
    OutboundError,
    OutboundPolicy,
    OutboundResponse,
)
from services.chassis.sealing import KeyRing
from services.chassis.telemetry import log, work
from services.chassis.trace import Start, parse
from services.scheduling.busy_times import CalendarUnreadable
from services.scheduling.calendar_reader import CalendarReader
from services.scheduling.config import SchedulingConfig
from services.scheduling.sealed_urls import unseal_url
from services.scheduling.store.imports import DueImport, ImportStore, Reading

_NOT_MODIFIED: Final = 304
_OK: Final = 200


def outbound_policy(config: SchedulingConfig) -> OutboundPolicy:
    """What calls to external calendars may do."""
    return OutboundPolicy(
        allowed_networks=tuple(ip_network(each) for each in config.outbound_allowed_networks),
        http_hosts=frozenset(config.outbound_http_hosts),
        total_seconds_max=config.import_seconds_max,
        response_bytes_max=config.import_bytes_max,
    )


class Importer:
    """Claims imports that are due, fetches them and takes their busy times over."""

    def __init__(
        self, store: ImportStore, client: OutboundClient, ring: KeyRing, config: SchedulingConfig
    ) -> None:
        self.wake = Wake()
        self._store = store
        self._client = client
        self._ring = ring
        self._config = config
        self._readers = asyncio.Semaphore(config.import_readers_max)
        self._reader = CalendarReader(
            seconds_max=config.import_reading_seconds_max,
            memory_bytes_max=config.import_memory_bytes_max,
        )

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Imports until the process stops."""
        await loop(self.step, self.wake, stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """One batch, all at once: a slow calendar keeps none waiting. Answers how many."""
        token = new_id()
        due = await self._store.claim_imports(
            token,
            limit=self._config.import_batch_max,
            lease_seconds=self._config.import_lease_seconds,
        )
        try:
            outcomes = await asyncio.gather(
                *(self._import(each, token) for each in due), return_exceptions=True
            )
        except asyncio.CancelledError:
            # Those that were finished are claimed no more, and stay as they are.
            await asyncio.shield(self._store.return_imports(due, token))
            raise
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        return len(due)

    async def _import(self, due: DueImport, token: UUID) -> None:
        created = parse(due.traceparent)
        start = Start(parent=None, links=(created,) if created else ())
        with work("attempt", "import calendar", start=start) as unit:
            reading = await self._reading_or_why(due)
            kept = await self._store.finish_import(due, token, reading)
            unit.outcome = reading.error or ("ok" if kept else "lease_lost")
            unit.note(import_id=str(due.import_id), busy=len(reading.busy or ()))

    async def _reading_or_why(self, due: DueImport) -> Reading:
        """What a stranger's calendar breaks is its own import, and not the process."""
        try:
            return await self._reading(due, datetime.now(UTC))
        except Exception as error:
            log.error("import broke", import_id=str(due.import_id), exc_info=True)
            return Reading(error=type(error).__name__)

    async def _reading(self, due: DueImport, now: datetime) -> Reading:
        url = unseal_url(self._ring, due.ciphertext, org_id=due.org_id, import_id=due.import_id)
        try:
            answer = await self._client.request("GET", url, conditions(due, now), b"")
        except OutboundError as error:
            return Reading(error=type(error).__name__)
        # The day is part of it: an unchanged file has other times in the next day's window.
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        digest = hashlib.sha256(day.isoformat().encode() + answer.body_excerpt).hexdigest()
        if known := known_without_reading(due, answer, digest):
            return known
        end = day + timedelta(days=due.horizon_days + 2)
        try:
            async with self._readers:
                busy = await self._reader.busy_times(
                    answer.body_excerpt, due.zone, day - timedelta(days=1), end
                )
        except CalendarUnreadable as error:
            return Reading(error=str(error))
        return Reading(
            busy=busy,
            etag=answer.headers.get("etag", ""),
            last_modified=answer.headers.get("last-modified", ""),
            content_hash=digest,
        )


def conditions(due: DueImport, now: datetime) -> dict[str, str]:
    """Headers that ask for what changed; once a day for all: the window has moved."""
    if due.imported_at is None or due.imported_at.date() < now.date():
        return {}
    known = {"if-none-match": due.etag, "if-modified-since": due.last_modified}
    return {name: value for name, value in known.items() if value}


def known_without_reading(due: DueImport, answer: OutboundResponse, digest: str) -> Reading | None:
    """What an answer says before it is read; an unchanged one leaves everything as it was."""
    if answer.status == _NOT_MODIFIED:
        return Reading()
    if answer.status != _OK:
        return Reading(error=f"status {answer.status}")
    if answer.truncated:
        return Reading(error="too large")
    return Reading() if digest == due.content_hash else None
