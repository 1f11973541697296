"""The secrets of Meta's apps, unsealed and kept for a while.

One app signs for many orgs, so a webhook is checked against every valid secret. A signature that
none matches has the secrets read again, at most once a second: one may just have been added.
"""

import hmac
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.chassis.database import Record
from services.chassis.sealing import KeyRing, SealBroken, seal, unseal
from services.chassis.telemetry import log
from services.chassis.webhook_signatures import verify_hub
from services.ingest.store import IngestStore

_TABLE: Final = "app_secrets"
_READ_AGAIN_SECONDS_MIN: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSecret:
    """A signing secret or a verify token of an app."""

    app_id: UUID
    kind: str
    text: str


class AppSecrets:
    """Answers whose a signature or verify token is."""

    def __init__(self, store: IngestStore, ring: KeyRing, *, fresh_seconds: float) -> None:
        self._store = store
        self._ring = ring
        self._fresh_seconds = fresh_seconds
        self._secrets: tuple[AppSecret, ...] = ()
        self._read_at = -float("inf")

    def seal(self, app_id: UUID, text: str) -> bytes:
        """Seals a secret of the app."""
        return seal(self._ring, text.encode(), table=_TABLE, key=str(app_id), org_id=None)

    async def app_that_signed(self, body: bytes, header: str | None) -> UUID | None:
        """The app whose secret signed the raw body, or None."""
        if time.monotonic() - self._read_at > self._fresh_seconds:
            await self._read()
        app_id = self._signer(body, header)
        if app_id is None and await self._read_again():
            app_id = self._signer(body, header)
        return app_id

    async def knows_verify_token(self, token: str) -> bool:
        """Whether the token is one of an app's, compared in constant time."""
        await self._read()
        tokens = [each.text for each in self._secrets if each.kind == "verify_token"]
        matches = [hmac.compare_digest(token.encode(), known.encode()) for known in tokens]
        return any(matches)

    def _signer(self, body: bytes, header: str | None) -> UUID | None:
        signing = [each for each in self._secrets if each.kind == "signing"]
        return next(
            (each.app_id for each in signing if verify_hub(header, body, [each.text])), None
        )

    async def _read_again(self) -> bool:
        if time.monotonic() - self._read_at < _READ_AGAIN_SECONDS_MIN:
            return False
        await self._read()
        return True

    async def _read(self) -> None:
        rows = await self._store.list_app_secrets()
        opened = [self._open(row) for row in rows]
        self._secrets = tuple(secret for secret in opened if secret is not None)
        self._read_at = time.monotonic()

    def _open(self, row: Record) -> AppSecret | None:
        """The secret; None where it does not open, so that the others go on being known."""
        app_id: UUID = row["app_id"]
        try:
            text = unseal(
                self._ring, row["ciphertext"], table=_TABLE, key=str(app_id), org_id=None
            ).decode()
        except SealBroken:
            log.error("an app's secret does not open", app_id=str(app_id), kind=row["kind"])
            return None
        return AppSecret(app_id=app_id, kind=row["kind"], text=text)
