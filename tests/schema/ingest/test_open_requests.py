"""open_requests: the same request id gives the same lead, however often it is sent."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from tests.schema.ingest.builders import (
    Admin,
    a_new_lead,
    an_org,
    called,
    count,
    create,
    later,
)


def a_request(value: str = "r1", content: str = "a") -> RequestId:
    return RequestId(value=value, content_hash=content)


async def test_the_same_request_is_answered_as_it_was(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    (first,) = await create(ingest_db, called(org, request=a_request()))
    (second,) = await create(ingest_db, called(org, request=a_request()), now=later(60))
    assert (first.outcome, second.outcome) == ("created", "replayed")
    assert (second.lead_id, second.conversation_id) == (first.lead_id, first.conversation_id)
    assert await count(admin, "leads") == 1


async def test_a_request_id_with_other_content_is_refused_and_leaves_no_row(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    await create(ingest_db, called(org, request=a_request()))
    other = a_new_lead(org.source_id, phone="+12125550123")
    (reused,) = await create(ingest_db, called(org, other, request=a_request(content="b")))
    assert reused.outcome == "request_id_reused"
    assert await count(admin, "leads") == 1
    assert await count(admin, "contacts") == 1


async def test_request_ids_are_distinguished_within_one_call(
    ingest_db: Database, admin: Admin
) -> None:
    org, other = await an_org(ingest_db), await an_org(ingest_db)
    stored = await create(
        ingest_db,
        called(org, request=a_request("1")),
        called(org, request=a_request("1")),
        called(org, request=a_request("1", "b")),
        called(org, request=a_request("2")),
        called(other, request=a_request("1", "b")),
        called(org),
    )
    assert [each.outcome for each in stored] == [
        "created",
        "replayed",
        "request_id_reused",
        "created",
        "created",
        "created",
    ]
    assert stored[1].lead_id == stored[0].lead_id
    assert await count(admin, "leads") == 4


async def test_the_same_request_at_once_makes_one_lead(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    leads = [called(org, request=a_request()) for _ in range(30)]
    answers = await asyncio.gather(*[create(ingest_db, lead) for lead in leads])
    assert sorted(each.outcome for (each,) in answers) == ["created", *["replayed"] * 29]
    assert len({each.lead_id for (each,) in answers}) == 1
    assert await count(admin, "leads") == 1


async def test_a_request_whose_write_failed_may_be_sent_again(
    ingest_db: Database, admin: Admin
) -> None:
    org = await an_org(ingest_db)
    bad = replace(a_new_lead(org.source_id), type="gift")
    with pytest.raises(asyncpg.CheckViolationError):
        await create(ingest_db, called(org, bad, request=a_request()))
    (stored,) = await create(ingest_db, called(org, request=a_request()))
    assert stored.outcome == "created"
    assert await count(admin, "requests") == 1
