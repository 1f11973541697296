"""The importer: reads external calendars periodically, apart from bookings."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.outbound.client import (
    OutboundClient,
    OutboundError,
    OutboundResponse,
)
from services.chassis.sealing import SealedColumn
from services.chassis.telemetry import log, work
from services.chassis.trace import Start
from services.scheduling.busy_times import CalendarUnreadable
from services.scheduling.calendar_reader import CalendarReader
from services.scheduling.records.calendars import DueImport, ImportReading
from services.scheduling.store.imports import ImportStore

_NOT_MODIFIED: Final = 304
_OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterPolicy:
    """Bounds: imports per batch and their lease, readers at a time, and each reader's resources."""

    batch_max: int
    lease_seconds: float
    readers_max: int
    reading_seconds_max: float
    memory_bytes_max: int


class Importer:
    """Claims imports that are due, fetches them and saves their busy times."""

    def __init__(
        self,
        store: ImportStore,
        client: OutboundClient,
        urls: SealedColumn,
        policy: ImporterPolicy,
    ) -> None:
        self.wake = Wake()
        self._store = store
        self._client = client
        self._urls = urls
        self._policy = policy
        self._readers = asyncio.Semaphore(policy.readers_max)
        self._reader = CalendarReader(
            seconds_max=policy.reading_seconds_max,
            memory_bytes_max=policy.memory_bytes_max,
        )

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Imports until the process stops."""
        await loop(self.step, self.wake, stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """One batch, concurrently: a slow calendar delays no other. Returns how many."""
        token = new_id()
        due = await self._store.claim_imports(
            token,
            limit=self._policy.batch_max,
            lease_seconds=self._policy.lease_seconds,
        )
        try:
            outcomes = await asyncio.gather(
                *(self._import(each, token) for each in due), return_exceptions=True
            )
        except asyncio.CancelledError:
            # Finished ones are no longer claimed and stay as they are.
            await asyncio.shield(self._store.return_imports(due, token))
            raise
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        return len(due)

    async def _import(self, due: DueImport, token: UUID) -> None:
        with work(
            "attempt", "import calendar", start=Start(parent=None, links=(due.trace,))
        ) as unit:
            reading = await self._read(due)
            saved = await self._store.finish_import(due, token, reading)
            unit.outcome = reading.error or ("ok" if saved else "lease_lost")
            unit.note(import_id=str(due.import_id), busy=len(reading.busy or ()))

    async def _read(self, due: DueImport) -> ImportReading:
        """What an external calendar breaks is its own import, and not the process."""
        try:
            return await self._fetch_and_read(due, datetime.now(UTC))
        except Exception as error:
            log.error("import failed", import_id=str(due.import_id), exc_info=True)
            return ImportReading(error=type(error).__name__)

    async def _fetch_and_read(self, due: DueImport, now: datetime) -> ImportReading:
        url = self._urls.open(due.org_id, due.import_id, due.ciphertext)
        try:
            response = await self._client.request("GET", url, conditional_headers(due, now), b"")
        except OutboundError as error:
            return ImportReading(error=type(error).__name__)
        # With the day, since an unchanged file has other times in the next day's window.
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        digest = hashlib.sha256(day.isoformat().encode() + response.body_excerpt).hexdigest()
        if reading := reading_of_response(due, response, digest):
            return reading
        end = day + timedelta(days=due.horizon_days + 2)
        try:
            async with self._readers:
                busy = await self._reader.busy_times(
                    response.body_excerpt, due.zone, day - timedelta(days=1), end
                )
        except CalendarUnreadable as error:
            return ImportReading(error=str(error))
        return ImportReading(
            busy=busy,
            etag=response.headers.get("etag", ""),
            last_modified=response.headers.get("last-modified", ""),
            content_hash=digest,
        )


def conditional_headers(due: DueImport, now: datetime) -> dict[str, str]:
    """Headers that make the request conditional, but for the first of a day: the window moved."""
    if due.imported_at is None or due.imported_at.date() < now.date():
        return {}
    known = {"if-none-match": due.etag, "if-modified-since": due.last_modified}
    return {name: value for name, value in known.items() if value}


def reading_of_response(
    due: DueImport, response: OutboundResponse, digest: str
) -> ImportReading | None:
    """The result where the body need not be read (it is unchanged or an error), or None."""
    if response.status == _NOT_MODIFIED:
        return ImportReading()
    if response.status != _OK:
        return ImportReading(error=f"status {response.status}")
    if response.truncated:
        return ImportReading(error="too large")
    return ImportReading() if digest == due.content_hash else None
