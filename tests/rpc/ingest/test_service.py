"""IngestService over gRPC: leads of callers, sources, lists; one tenant sees nothing of another."""

import asyncio
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest

from sandbox.fault_proxy import Refuse, Reset
from tests.rpc.chassis.recording import recording
from tests.rpc.chassis.served import RefusedCall
from tests.rpc.ingest.conftest import Ingest, Tenant
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadRequest,
    CreateOrgRequest,
    CreateSourceRequest,
    GetLeadRequest,
    ListLeadsRequest,
    ListSourcesRequest,
    ListWebhookItemsRequest,
    RegisterAppRequest,
    ReplayWebhookItemRequest,
    UpdateSourceRequest,
)

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
TABLES = ("contacts", "contact_identities", "conversations", "messages", "leads", "outbox")


def a_lead(**fields: str) -> CreateLeadRequest:
    usual = {"customer_phone": "0171 2345678", "customer_name": "Ada", "type": "order"}
    return CreateLeadRequest(**{**usual, "details": "Two bikes", **fields})


async def refused(ingest: Ingest, method: str, request: Any, token: str) -> RefusedCall:
    try:
        await ingest.call(method, request, token)
    except grpc.aio.AioRpcError as error:
        return RefusedCall.of(error)
    raise AssertionError(f"{method} was let through")


async def rows(admin: Admin) -> list[int]:
    return [await admin.fetchval(f"select count(*) from ingest.{table}") for table in TABLES]


@pytest.fixture
async def tenant(ingest: Ingest) -> Tenant:
    """An org."""
    return await ingest.tenant()


async def test_a_lead_is_made_whole(ingest: Ingest, admin: Admin, tenant: Tenant) -> None:
    made = await ingest.call("CreateLead", a_lead(), tenant.token)
    assert await rows(admin) == [1] * 6
    lead = (await ingest.call("GetLead", GetLeadRequest(lead_id=made.lead_id), tenant.token)).lead
    assert (lead.phone, lead.phone_raw, lead.full_name) == ("+491712345678", "0171 2345678", "Ada")
    assert (lead.type, lead.conversation_id) == ("order", made.conversation_id)
    assert len(lead.trace_id) == 32


async def test_the_line_of_a_lead_says_whether_its_contact_was_new(
    ingest: Ingest, tenant: Tenant
) -> None:
    said_new = []
    for _ in range(2):
        with recording() as said:
            await ingest.call("CreateLead", a_lead(), tenant.token)
        said_new.append(said.line("rpc")["contact_is_new"])
    assert said_new == [True, False]


async def test_a_changed_region_holds_for_the_next_lead(ingest: Ingest, tenant: Tenant) -> None:
    await ingest.call("CreateLead", a_lead(), tenant.token)
    listed = await ingest.call("ListSources", ListSourcesRequest(), tenant.token)
    change = UpdateSourceRequest(source_id=listed.sources[0].source_id, default_region="AT")
    await ingest.call("UpdateSource", change, tenant.token)
    made = await ingest.call("CreateLead", a_lead(customer_phone="0664 1234567"), tenant.token)
    lead = (await ingest.call("GetLead", GetLeadRequest(lead_id=made.lead_id), tenant.token)).lead
    assert lead.phone == "+436641234567"


async def test_a_missing_phone_hides_no_bad_type_and_leaves_no_row(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    before = await rows(admin)
    request = a_lead(customer_phone="", type="gift")
    refusal = await refused(ingest, "CreateLead", request, tenant.token)
    assert refusal.violations == ("customer_phone", "type")
    assert await rows(admin) == before


async def test_a_bad_phone_and_a_bad_type_are_named_in_one_answer_and_leave_no_row(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    request = a_lead(customer_phone="call me", type="gift")
    refusal = await refused(ingest, "CreateLead", request, tenant.token)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert set(refusal.violations) == {"customer_phone", "type"}
    assert "call me" not in refusal.text
    assert await rows(admin) == [0] * 6


async def test_the_same_request_is_answered_alike_and_other_content_is_refused(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    calls = [ingest.call("CreateLead", a_lead(request_id="r"), tenant.token) for _ in range(5)]
    answers = await asyncio.gather(*calls)
    assert len({answer.lead_id for answer in answers}) == 1
    refusal = await refused(
        ingest, "CreateLead", a_lead(request_id="r", details="Three"), tenant.token
    )
    assert (refusal.code, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert await rows(admin) == [1] * 6


async def test_without_a_request_id_a_repeat_is_a_lead_of_its_own(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    for _ in range(2):
        await ingest.call("CreateLead", a_lead(), tenant.token)
    assert await rows(admin) == [1, 1, 1, 2, 2, 2]


async def test_leads_at_once_share_commits_and_one_contact(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    calls = [ingest.call("CreateLead", a_lead(), tenant.token) for _ in range(100)]
    answers = await asyncio.gather(*calls)
    assert len({answer.lead_id for answer in answers}) == 100
    assert len({answer.conversation_id for answer in answers}) == 1
    assert await rows(admin) == [1, 1, 1, 100, 100, 100]


async def test_one_tenant_sees_nothing_of_another(ingest: Ingest, tenant: Tenant) -> None:
    made = await ingest.call("CreateLead", a_lead(), tenant.token)
    await ingest.source(tenant)
    other = await ingest.tenant()
    refusal = await refused(ingest, "GetLead", GetLeadRequest(lead_id=made.lead_id), other.token)
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "LEAD_NOT_FOUND")
    assert list((await ingest.call("ListLeads", ListLeadsRequest(), other.token)).leads) == []
    sources = await ingest.call("ListSources", ListSourcesRequest(), other.token)
    assert [source.kind for source in sources.sources] == ["api"]
    assert (await ingest.call("ListLeads", ListLeadsRequest(), tenant.token)).leads


async def test_a_token_of_an_org_that_is_not_there_makes_no_lead(
    ingest: Ingest, admin: Admin
) -> None:
    refusal = await refused(ingest, "CreateLead", a_lead(), ingest.signer.tenant(uuid4()))
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "ORG_NOT_FOUND")
    assert await rows(admin) == [0] * 6


async def test_lists_come_in_pages_that_leave_nothing_out(ingest: Ingest, tenant: Tenant) -> None:
    made = [await ingest.call("CreateLead", a_lead(), tenant.token) for _ in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        page = await ingest.call(
            "ListLeads", ListLeadsRequest(page_size=2, page_token=token), tenant.token
        )
        seen += [lead.lead_id for lead in page.leads]
        token = page.next_page_token
        if not token:
            break
    assert seen == [each.lead_id for each in reversed(made)]


@pytest.mark.parametrize(
    ("method", "request_of"),
    [("ListLeads", ListLeadsRequest), ("ListSources", ListSourcesRequest),
     ("ListWebhookItems", ListWebhookItemsRequest)],
)  # fmt: skip
async def test_a_page_token_of_another_list_is_refused(
    ingest: Ingest, tenant: Tenant, method: str, request_of: Any
) -> None:
    refusal = await refused(ingest, method, request_of(page_token="nonsense"), tenant.token)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "PAGE_TOKEN_REFUSED")


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GetLead", GetLeadRequest(lead_id="7")),
        ("ReplayWebhookItem", ReplayWebhookItemRequest(item_id="7")),
        ("ListWebhookItems", ListWebhookItemsRequest(status="lost")),
        ("CreateLead", a_lead(request_id="x" * 129)),
        ("CreateLead", a_lead(request_id="a\0b")),
        ("CreateLead", a_lead(details="a\0b")),
        ("CreateSource", CreateSourceRequest(kind="x", external_id="1", default_region="DE")),
        ("UpdateSource", UpdateSourceRequest(source_id="7")),
        ("UpdateSource", UpdateSourceRequest(source_id=str(UUID(int=7)), access_token=" ")),
        ("UpdateSource", UpdateSourceRequest(source_id=str(UUID(int=7)), default_region="X")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_malformed_is_named(
    ingest: Ingest, tenant: Tenant, method: str, request_: Any
) -> None:
    refusal = await refused(ingest, method, request_, tenant.token)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert len(refusal.violations) == 1


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("CreateOrg", CreateOrgRequest(name="a\0b", default_region="DE")),
        ("CreateOrg", CreateOrgRequest(name="a", default_region="Germany")),
        ("RegisterApp", RegisterAppRequest(external_app_id="a\0b", secret="s", verify_token="v")),
        ("RegisterApp", RegisterAppRequest(external_app_id=" ", secret="s", verify_token="v")),
    ],
)
async def test_what_the_operator_sends_is_checked_too(
    ingest: Ingest, method: str, request_: Any
) -> None:
    refusal = await refused(ingest, method, request_, ingest.signer.service("operator"))
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert len(refusal.violations) == 1


async def test_secrets_are_sealed_at_rest_and_never_answered(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    await ingest.source(tenant)
    stored = await admin.fetch(
        "select ciphertext as sealed from ingest.app_secrets union all"
        " select access_token_ciphertext from ingest.sources where kind = 'meta_page'"
    )
    assert len(stored) == 3
    for row in stored:
        for secret in (b"the secret of the app", b"meatyhamhock", b"the token of the page"):
            assert secret not in bytes(row["sealed"])
    sources = await ingest.call("ListSources", ListSourcesRequest(), tenant.token)
    assert "the token of the page" not in str(sources)


async def test_a_page_that_is_taken_is_refused(ingest: Ingest, tenant: Tenant) -> None:
    await ingest.source(tenant)
    other = await ingest.tenant()
    request = CreateSourceRequest(kind="meta_page", external_id="700100200300", default_region="DE")
    refusal = await refused(ingest, "CreateSource", request, other.token)
    assert (refusal.code, refusal.reason) == ("ALREADY_EXISTS", "SOURCE_TAKEN")
    assert str(tenant.org_id) not in str(refusal)


async def test_while_the_database_is_away_calls_are_unavailable_and_work_later(
    ingest: Ingest, admin: Admin, tenant: Tenant
) -> None:
    ingest.database.fault = Reset()
    ingest.database.fault = Refuse()
    refusal = await refused(ingest, "CreateLead", a_lead(request_id="r"), tenant.token)
    assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
    assert refusal.retry_seconds == 1
    ingest.database.fault = None
    await ingest.call("CreateLead", a_lead(request_id="r"), tenant.token)
    assert await rows(admin) == [1] * 6
