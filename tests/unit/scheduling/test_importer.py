"""The importer: what a batch does where one of its calendars is slow or unreadable."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.chassis.outbound.client import OutboundResponse
from services.chassis.sealing import KeyRing, SealedColumn
from services.chassis.trace import new_root
from services.scheduling.config import SchedulingConfig
from services.scheduling.importer import Importer, conditional_headers
from services.scheduling.policies import importer_policy
from services.scheduling.records.calendars import DueImport, ImportReading
from tests.unit.scheduling.external import external

RING = KeyRing(current=1, keys={1: b"k" * 32})
URLS = SealedColumn(RING, table="imports", column="ciphertext")
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
        "ciphertext": URLS.seal(org_id, import_id, url),
        "etag": "",
        "last_modified": "",
        "content_hash": "",
        "imported_at": None,
        "zone": "UTC",
        "horizon_days": 90,
        "trace": new_root(),
        **changes,
    }
    return DueImport(**fields)


class FakeImportStore:
    """A store whose imports are due once; `finished` are their URLs' readings as they come."""

    def __init__(self, due: list[DueImport]) -> None:
        self.due = due
        self.finished: asyncio.Queue[tuple[UUID, ImportReading]] = asyncio.Queue()
        self.returned: list[UUID] = []

    async def claim_imports(self, _: UUID, **__: Any) -> list[DueImport]:
        due, self.due = self.due, []
        return due

    async def finish_import(self, due: DueImport, _: UUID, reading: ImportReading) -> bool:
        self.finished.put_nowait((due.import_id, reading))
        return True

    async def return_imports(self, due: list[DueImport], _: UUID) -> int:
        self.returned += [each.import_id for each in due]
        return len(due)


class FakeClient:
    """Answers by URL; /slow answers only after `let` is set."""

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


def an_importer(
    store: FakeImportStore, client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> Importer:
    policy = importer_policy(a_config(monkeypatch))
    return Importer(store, client, URLS, policy)  # type: ignore[arg-type]


EVENT = "DTSTART:20370105T090000Z\nDURATION:PT1H"
TOO_OFTEN = f"{EVENT}\nRRULE:FREQ=SECONDLY"


async def test_a_slow_calendar_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = (a_due_import(f"https://example.com/{name}") for name in ("slow", "quick"))
    store = FakeImportStore([slow, quick])
    answer = an_answer(external(EVENT))
    client = FakeClient({"slow": answer, "quick": answer})
    importer = an_importer(store, client, monkeypatch)
    step = asyncio.create_task(importer.step())
    assert (await store.finished.get())[0] == quick.import_id
    client.let.set()
    assert (await store.finished.get())[0] == slow.import_id
    assert await step == 2


async def test_an_interrupted_batch_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = (a_due_import(f"https://example.com/{name}") for name in ("slow", "quick"))
    store = FakeImportStore([slow, quick])
    client = FakeClient({"quick": an_answer(external(EVENT))})
    importer = an_importer(store, client, monkeypatch)
    step = asyncio.create_task(importer.step())
    assert (await store.finished.get())[0] == quick.import_id
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert store.returned == [slow.import_id, quick.import_id]


async def test_an_unreadable_calendar_says_why_and_keeps_its_busy_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {
        "often": (an_answer(external(TOO_OFTEN)), "an event repeats too often"),
        "gone": (an_answer(b"", status=404), "status 404"),
        "large": (an_answer(b"", truncated=True), "too large"),
        "page": (an_answer(b"<html>"), "it is not an iCalendar file (ValueError)"),
        "same": (an_answer(b"", status=304), None),
    }
    due = {name: a_due_import(f"https://example.com/{name}") for name in answers}
    store = FakeImportStore(list(due.values()))
    client = FakeClient({name: answer for name, (answer, _) in answers.items()})
    importer = an_importer(store, client, monkeypatch)
    await importer.step()
    readings = dict(store.finished.get_nowait() for _ in due)
    assert {name: readings[one.import_id].error for name, one in due.items()} == {
        name: why for name, (_, why) in answers.items()
    }
    assert all(reading.busy is None for reading in readings.values())


async def test_a_broken_import_does_not_affect_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = a_due_import("https://example.com/page")
    broken = a_due_import("https://example.com/page", ciphertext=b"not sealed by us")
    store = FakeImportStore([broken, whole])
    client = FakeClient({"page": an_answer(external(EVENT))})
    importer = an_importer(store, client, monkeypatch)
    assert await importer.step() == 2
    readings = dict(store.finished.get_nowait() for _ in range(2))
    assert (readings[broken.import_id].error, readings[broken.import_id].busy) == (
        "SealBroken",
        None,
    )
    assert (readings[whole.import_id].error, readings[whole.import_id].busy) == (None, [])


async def test_a_failure_of_the_store_ends_the_step_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(FakeImportStore):
        async def finish_import(self, due: DueImport, token: UUID, reading: ImportReading) -> bool:
            await super().finish_import(due, token, reading)
            raise ConnectionResetError

    store = Broken([a_due_import("https://example.com/page") for _ in range(2)])
    client = FakeClient({"page": an_answer(b"", status=404)})
    importer = an_importer(store, client, monkeypatch)
    with pytest.raises(ConnectionResetError):
        await importer.step()
    assert store.finished.qsize() == 2


def test_the_first_request_of_a_day_is_unconditional() -> None:
    now = datetime(2027, 1, 5, 12, tzinfo=UTC)
    known = {"etag": '"v1"', "last_modified": "then"}
    today = a_due_import("https://example.com", **known, imported_at=now.replace(hour=1))
    assert conditional_headers(today, now) == {"if-none-match": '"v1"', "if-modified-since": "then"}
    assert conditional_headers(today, now.replace(day=6)) == {}
    assert conditional_headers(a_due_import("https://example.com"), now) == {}


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
