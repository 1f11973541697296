"""The secrets of Meta's apps, unsealed and cached for a while.

One app signs for many orgs, so a webhook is checked against every valid secret. A signature or a
token that matches none has the secrets read again, at most once a second: one may just have been
added. Concurrent callers wait for the same read.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.chassis.sealing import SealBroken, SealedColumn
from services.chassis.telemetry import log
from services.chassis.webhook_signatures import verify_hub
from services.ingest.records.sources import SealedAppSecret
from services.ingest.store import IngestStore

_READ_AGAIN_SECONDS_MIN: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSecret:
    """A signing secret or a verify token of an app."""

    app_id: UUID
    kind: str
    text: str


class AppSecrets:
    """Finds the app that a signature or a verify token belongs to."""

    def __init__(
        self,
        store: IngestStore,
        column: SealedColumn,
        *,
        fresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._column = column
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._secrets: tuple[AppSecret, ...] = ()
        self._read_at = -float("inf")
        self._reading: asyncio.Task[None] | None = None

    def invalidate(self) -> None:
        """Has the secrets read again before the next answer: one was added or retired."""
        self._read_at = -float("inf")

    async def app_that_signed(self, body: bytes, header: str | None) -> UUID | None:
        """The app whose secret signed the raw body, or None."""
        return await self._find("signing", lambda secret: verify_hub(header, body, [secret.text]))

    async def knows_verify_token(self, token: str) -> bool:
        """Whether the token is one of an app's, compared in constant time."""
        sent = token.encode("utf-8", "surrogatepass")
        app_id = await self._find(
            "verify_token", lambda secret: hmac.compare_digest(sent, secret.text.encode())
        )
        return app_id is not None

    async def _find(self, kind: str, matches: Callable[[AppSecret], bool]) -> UUID | None:
        """The app of the first secret that matches.

        All are tried, so that the time it takes does not say which one matched.
        """
        for age_seconds_max in (self._fresh_seconds, _READ_AGAIN_SECONDS_MIN):
            await self._read_if_older(age_seconds_max)
            known = [secret for secret in self._secrets if secret.kind == kind]
            found = [secret.app_id for secret in known if matches(secret)]
            if found:
                return found[0]
        return None

    async def _read_if_older(self, seconds: float) -> None:
        if self._clock() - self._read_at < seconds:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        opened = [self._open(sealed) for sealed in await self._store.list_app_secrets()]
        self._secrets = tuple(secret for secret in opened if secret is not None)
        self._read_at = self._clock()

    def _open(self, sealed: SealedAppSecret) -> AppSecret | None:
        """The secret; None where it does not open, so that the others still work."""
        try:
            text = self._column.open(None, sealed.app_id, sealed.ciphertext)
        except SealBroken:
            log.error("an app's secret does not open", app_id=str(sealed.app_id), kind=sealed.kind)
            return None
        return AppSecret(app_id=sealed.app_id, kind=sealed.kind, text=text)
