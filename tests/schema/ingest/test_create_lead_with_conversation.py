"""create_lead_with_conversation: one lead, as the batch form creates it."""

from uuid import UUID

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from services.ingest.store.leads import to_json
from tests.schema.ingest.builders import (
    NOW,
    Admin,
    a_new_lead,
    an_org,
    count,
)


def a_request(value: str = "r1", content: str = "a") -> RequestId:
    return RequestId(value=value, content_hash=content)


async def single(ingest_db: Database, org_id: UUID, source_id: UUID, request: RequestId) -> UUID:
    lead = a_new_lead(source_id)
    row = await ingest_db.row(
        "create_lead_with_conversation",
        p_org_id=org_id,
        p_lead_id=lead.lead_id,
        p_lead=to_json(lead),
        p_request_id=request.value,
        p_request_hash=request.content_hash,
        p_traceparent=new_root().traceparent,
        p_now=NOW,
    )
    assert row is not None
    lead_id: UUID = row["lead_id"]
    return lead_id


async def test_the_single_form_answers_and_refuses_alike(ingest_db: Database, admin: Admin) -> None:
    org = await an_org(ingest_db)
    first = await single(ingest_db, org.org_id, org.source_id, a_request())
    assert await single(ingest_db, org.org_id, org.source_id, a_request()) == first
    with pytest.raises(DomainError) as caught:
        await single(ingest_db, org.org_id, org.source_id, a_request(content="b"))
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert caught.value.metadata == {"request_id": "r1"}
    assert await count(admin, "leads") == 1
