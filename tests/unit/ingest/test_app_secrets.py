"""AppSecrets: how often the database is read, however many callers there are."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import cast

import pytest

from services.chassis.ids import new_id
from services.chassis.sealing import KeyRing, SealedColumn
from services.ingest.app_secrets import AppSecrets
from services.ingest.records.sources import SealedAppSecret
from services.ingest.store import IngestStore

FRESH_SECONDS = 60.0


@dataclass(slots=True)
class Shelf:
    """Where secrets are read from, counting how often."""

    rows: list[SealedAppSecret] = field(default_factory=list)
    reads: int = 0
    broken: bool = False

    async def list_app_secrets(self) -> list[SealedAppSecret]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.broken:
            raise ConnectionError
        return list(self.rows)


class Apps:
    """AppSecrets over a shelf, at a time that only the test moves."""

    def __init__(self) -> None:
        self.now, self.shelf = 1000.0, Shelf()
        ring = KeyRing(current=1, keys={1: secrets.token_bytes(32)})
        self.column = SealedColumn(ring, table="app_secrets", column="ciphertext")
        self.secrets = AppSecrets(
            cast(IngestStore, self.shelf),
            self.column,
            fresh_seconds=FRESH_SECONDS,
            clock=lambda: self.now,
        )

    def add(self, token: str) -> None:
        app_id = new_id()
        sealed = self.column.seal(None, app_id, token)
        self.shelf.rows.append(
            SealedAppSecret(app_id=app_id, kind="verify_token", ciphertext=sealed)
        )


@pytest.fixture
def apps() -> Apps:
    made = Apps()
    made.add("known")
    return made


async def test_a_known_token_is_answered_without_reading_again(apps: Apps) -> None:
    for _ in range(100):
        assert await apps.secrets.knows_verify_token("known")
    assert apps.shelf.reads == 1
    apps.now += FRESH_SECONDS
    assert await apps.secrets.knows_verify_token("known")
    assert apps.shelf.reads == 2


async def test_guessed_tokens_have_the_secrets_read_once_a_second(apps: Apps) -> None:
    for _ in range(10):
        guesses = [apps.secrets.knows_verify_token(f"guess {n}") for n in range(100)]
        assert not any(await asyncio.gather(*guesses))
    assert apps.shelf.reads == 1
    apps.now += 1
    assert not await apps.secrets.knows_verify_token("guess")
    assert apps.shelf.reads == 2


async def test_a_token_that_was_added_is_known_a_second_later_or_when_invalidated(
    apps: Apps,
) -> None:
    assert not await apps.secrets.knows_verify_token("new")
    apps.add("new")
    assert not await apps.secrets.knows_verify_token("new")
    apps.now += 1
    assert await apps.secrets.knows_verify_token("new")
    apps.add("newer")
    apps.secrets.invalidate()
    assert await apps.secrets.knows_verify_token("newer")


async def test_a_read_that_fails_does_so_for_all_callers_and_is_tried_again(
    apps: Apps,
) -> None:
    apps.shelf.broken = True
    asked = [apps.secrets.knows_verify_token("known") for _ in range(100)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {ConnectionError}
    assert apps.shelf.reads == 1
    apps.shelf.broken = False
    assert await apps.secrets.knows_verify_token("known")


async def test_a_token_that_is_not_text_is_unknown(apps: Apps) -> None:
    assert not await apps.secrets.knows_verify_token("\udcff")
