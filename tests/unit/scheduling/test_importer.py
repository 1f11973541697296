"""The importer: what a batch does when one of its calendars is slow, or is none."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.chassis.outbound.client import OutboundResponse
from services.chassis.sealing import KeyRing
from services.scheduling.config import SchedulingConfig
from services.scheduling.importer import Importer, conditions
from services.scheduling.sealed_urls import seal_url
from services.scheduling.store.imports import DueImport, Reading
from tests.unit.scheduling.external import external

RING = KeyRing(current=1, keys={1: b"k" * 32})
SETTINGS = {
    "DATABASE_URL": "postgres://nowhere",
    "LISTEN": "127.0.0.1:0",
    "HTTP_LISTEN": "127.0.0.1:0",
    "JWKS_FILE": "jwks.json",
    "TOKEN_FILE": "scheduling.jwt",
    "SEALING_KEYS_FILE": "sealing.json",
}


def a_config(monkeypatch: pytest.MonkeyPatch, **settings: str) -> SchedulingConfig:
    for name, value in {**SETTINGS, **settings}.items():
        monkeypatch.setenv(f"WAYBILL_SCHEDULING_{name}", value)
    return SchedulingConfig()


def a_due_import(url: str, **changes: Any) -> DueImport:
    """An import that was never read."""
    org_id, import_id = uuid4(), uuid4()
    fields = {
        "org_id": org_id,
        "import_id": import_id,
        "calendar_id": uuid4(),
        "ciphertext": seal_url(RING, url, org_id=org_id, import_id=import_id),
        "etag": "",
        "last_modified": "",
        "content_hash": "",
        "imported_at": None,
        "zone": "UTC",
        "horizon_days": 90,
        "traceparent": "",
        **changes,
    }
    return DueImport(**fields)


class Imports:
    """A store whose imports are due once; `finished` are their URLs' readings as they come."""

    def __init__(self, due: list[DueImport]) -> None:
        self.due = due
        self.finished: asyncio.Queue[tuple[UUID, Reading]] = asyncio.Queue()
        self.returned: list[UUID] = []

    async def claim_imports(self, _: UUID, **__: Any) -> list[DueImport]:
        due, self.due = self.due, []
        return due

    async def finish_import(self, due: DueImport, _: UUID, reading: Reading) -> bool:
        self.finished.put_nowait((due.import_id, reading))
        return True

    async def return_imports(self, due: list[DueImport], _: UUID) -> int:
        self.returned += [each.import_id for each in due]
        return len(due)


class Web:
    """Answers by URL; /slow does not answer before it is let."""

    def __init__(self, answers: Mapping[str, OutboundResponse]) -> None:
        self.answers = answers
        self.let = asyncio.Event()

    async def request(self, _: str, url: str, *__: Any) -> OutboundResponse:
        if url.endswith("/slow"):
            await self.let.wait()
        return self.answers[url.rpartition("/")[2]]


def an_answer(body: bytes, **changes: Any) -> OutboundResponse:
    fields = {"status": 200, "headers": {}, "body_excerpt": body, "truncated": False, **changes}
    return OutboundResponse(**fields)


EVENT = "DTSTART:20370105T090000Z\nDURATION:PT1H"
TOO_OFTEN = f"{EVENT}\nRRULE:FREQ=SECONDLY"


async def test_a_slow_calendar_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = (a_due_import(f"https://example.com/{name}") for name in ("slow", "quick"))
    store = Imports([slow, quick])
    answer = an_answer(external(EVENT))
    web = Web({"slow": answer, "quick": answer})
    importer: Any = Importer(store, web, RING, a_config(monkeypatch))  # type: ignore[arg-type]
    step = asyncio.create_task(importer.step())
    assert (await store.finished.get())[0] == quick.import_id
    web.let.set()
    assert (await store.finished.get())[0] == slow.import_id
    assert await step == 2


async def test_what_is_interrupted_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = (a_due_import(f"https://example.com/{name}") for name in ("slow", "quick"))
    store = Imports([slow, quick])
    web = Web({"quick": an_answer(external(EVENT))})
    importer: Any = Importer(store, web, RING, a_config(monkeypatch))  # type: ignore[arg-type]
    step = asyncio.create_task(importer.step())
    assert (await store.finished.get())[0] == quick.import_id
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert store.returned == [slow.import_id, quick.import_id]


async def test_what_cannot_be_read_says_why_and_leaves_what_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {
        "often": (an_answer(external(TOO_OFTEN)), "an event repeats too often"),
        "gone": (an_answer(b"", status=404), "status 404"),
        "large": (an_answer(b"", truncated=True), "too large"),
        "page": (an_answer(b"<html>"), "it is no iCalendar (ValueError)"),
        "same": (an_answer(b"", status=304), None),
    }
    due = {name: a_due_import(f"https://example.com/{name}") for name in answers}
    store = Imports(list(due.values()))
    web = Web({name: answer for name, (answer, _) in answers.items()})
    importer: Any = Importer(store, web, RING, a_config(monkeypatch))  # type: ignore[arg-type]
    await importer.step()
    told = dict(store.finished.get_nowait() for _ in due)
    assert {name: told[one.import_id].error for name, one in due.items()} == {
        name: why for name, (_, why) in answers.items()
    }
    assert all(reading.busy is None for reading in told.values())


async def test_what_breaks_one_import_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = a_due_import("https://example.com/page")
    broken = a_due_import("https://example.com/page", ciphertext=b"none of ours")
    store = Imports([broken, whole])
    web = Web({"page": an_answer(external(EVENT))})
    importer: Any = Importer(store, web, RING, a_config(monkeypatch))  # type: ignore[arg-type]
    assert await importer.step() == 2
    told = dict(store.finished.get_nowait() for _ in range(2))
    assert (told[broken.import_id].error, told[broken.import_id].busy) == ("SealBroken", None)
    assert (told[whole.import_id].error, told[whole.import_id].busy) == (None, [])


async def test_a_failure_of_the_store_ends_the_step_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(Imports):
        async def finish_import(self, due: DueImport, token: UUID, reading: Reading) -> bool:
            await super().finish_import(due, token, reading)
            raise ConnectionResetError

    store = Broken([a_due_import("https://example.com/page") for _ in range(2)])
    web = Web({"page": an_answer(b"", status=404)})
    importer: Any = Importer(store, web, RING, a_config(monkeypatch))  # type: ignore[arg-type]
    with pytest.raises(ConnectionResetError):
        await importer.step()
    assert store.finished.qsize() == 2


def test_all_is_asked_for_once_a_day_and_then_only_what_changed() -> None:
    now = datetime(2027, 1, 5, 12, tzinfo=UTC)
    known = {"etag": '"v1"', "last_modified": "then"}
    today = a_due_import("https://example.com", **known, imported_at=now.replace(hour=1))
    assert conditions(today, now) == {"if-none-match": '"v1"', "if-modified-since": "then"}
    assert conditions(today, now.replace(day=6)) == {}
    assert conditions(a_due_import("https://example.com"), now) == {}


@pytest.mark.parametrize(
    "settings",
    [
        {"IMPORT_LEASE_SECONDS": "90"},
        {"IMPORT_BATCH_MAX": "100"},
        {"IMPORT_READERS_MAX": "1"},
        {"IMPORT_READING_SECONDS_MAX": "60"},
        {"OUTBOUND_ALLOWED_NETWORKS": '["nowhere"]'},
    ],
)
def test_a_lease_that_a_batch_may_outlast_is_refused(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError):
        a_config(monkeypatch, **settings)
