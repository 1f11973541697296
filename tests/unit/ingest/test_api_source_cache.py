"""An org's API source is read once in a while, not for each lead."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database, Record
from services.chassis.errors import DomainError
from services.ingest.api_source_cache import ApiSourceCache
from services.ingest.store import IngestStore


class Orgs(Database):
    """A database that knows API sources and counts how often it is asked."""

    def __init__(self) -> None:
        self.sources: dict[UUID, UUID] = {}
        self.region = "DE"
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()

    async def rows(self, function: str, **arguments: object) -> list[Record]:
        assert function == "get_api_source"
        self.asked += 1
        self.was_asked.set()
        source_id = self.sources.get(UUID(str(arguments["p_org_id"])))
        region = self.region
        await self.answering.wait()
        return [{"source_id": source_id, "default_region": region}] if source_id else []


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_source_is_read_once_while_it_is_fresh() -> None:
    orgs, clock, org_id = Orgs(), Clock(), uuid4()
    orgs.sources[org_id] = uuid4()
    sources = ApiSourceCache(IngestStore(orgs), fresh_seconds=60, clock=clock)
    first = await sources.get(org_id)
    clock.now = 59.9
    assert await sources.get(org_id) == first
    assert first.source_id == orgs.sources[org_id]
    assert orgs.asked == 1
    clock.now = 60
    await sources.get(org_id)
    assert orgs.asked == 2


async def test_each_org_has_its_own() -> None:
    orgs, one, other = Orgs(), uuid4(), uuid4()
    orgs.sources = {one: uuid4(), other: uuid4()}
    sources = ApiSourceCache(IngestStore(orgs), fresh_seconds=60)
    assert (await sources.get(one)).source_id == orgs.sources[one]
    assert (await sources.get(other)).source_id == orgs.sources[other]


async def test_an_org_that_is_not_there_yet_is_asked_for_again() -> None:
    orgs, org_id = Orgs(), uuid4()
    sources = ApiSourceCache(IngestStore(orgs), fresh_seconds=60)
    with pytest.raises(DomainError) as refusal:
        await sources.get(org_id)
    assert refusal.value.reason == "ORG_NOT_FOUND"
    orgs.sources[org_id] = uuid4()
    assert (await sources.get(org_id)).source_id == orgs.sources[org_id]


async def test_a_source_that_changed_is_read_again_and_no_other() -> None:
    orgs, one, other = Orgs(), uuid4(), uuid4()
    orgs.sources = {one: uuid4(), other: uuid4()}
    sources = ApiSourceCache(IngestStore(orgs), fresh_seconds=60)
    await sources.get(one)
    await sources.get(other)
    orgs.region = "AT"
    sources.invalidate(one)
    assert (await sources.get(one)).default_region == "AT"
    assert (await sources.get(other)).default_region == "DE"


async def test_a_source_that_changes_while_it_is_read_is_not_cached() -> None:
    orgs, org_id = Orgs(), uuid4()
    orgs.sources[org_id] = uuid4()
    sources = ApiSourceCache(IngestStore(orgs), fresh_seconds=60)
    orgs.answering.clear()
    reading = asyncio.create_task(sources.get(org_id))
    await orgs.was_asked.wait()
    orgs.region = "AT"
    sources.invalidate(org_id)
    orgs.answering.set()
    await reading
    assert (await sources.get(org_id)).default_region == "AT"
