"""RoutingService over a real channel: what it answers and what it refuses."""

from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.message import Message

from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.trace import new_root
from tests.rpc.routing.callers import Callers, a_lead, a_rule, a_workspace, enqueue, refused
from tests.schema.routing.builders import Admin
from waybill.routing.v1 import routing_service_pb2 as pb
from waybill.trace.v1 import trace_service_pb2 as trace_pb

ANY_ID = str(uuid4())
REQUESTS: dict[str, Message] = {
    "CreateWorkspace": pb.CreateWorkspaceRequest(name="Acme"),
    "GetWorkspace": pb.GetWorkspaceRequest(workspace_id=ANY_ID, org_id=ANY_ID),
    "ListWorkspaces": pb.ListWorkspacesRequest(),
    "CreateRule": pb.CreateRuleRequest(workspace_id=ANY_ID, name="n", condition="true"),
    "UpdateRule": pb.UpdateRuleRequest(rule_id=ANY_ID, etag="1"),
    "ListRules": pb.ListRulesRequest(),
    "GetRouting": pb.GetRoutingRequest(lead_id=ANY_ID),
    "EnqueueLeads": pb.EnqueueLeadsRequest(leads=[a_lead(uuid4())]),
}


def test_every_rpc_is_asked_below() -> None:
    service = pb.DESCRIPTOR.services_by_name["RoutingService"]
    assert {method.name for method in service.methods} == REQUESTS.keys()


@pytest.mark.parametrize("method", REQUESTS)
async def test_every_rpc_refuses_who_may_not_call_it(callers: Callers, method: str) -> None:
    async with refused() as refusal:
        await getattr(callers.unsigned(), method)(REQUESTS[method])
    assert (refusal.reason, refusal.status) == ("TOKEN_REFUSED", grpc.StatusCode.UNAUTHENTICATED)
    strangers = [
        callers.service("scheduling"),
        callers.tenant(uuid4(), workspace_id=uuid4()),
        callers.tenant(uuid4()) if method == "EnqueueLeads" else callers.service("ingest"),
    ]
    for stranger in strangers:
        async with refused() as refusal:
            await getattr(stranger, method)(REQUESTS[method])
        assert refusal.reason == "METHOD_NOT_ALLOWED"
        assert refusal.status == grpc.StatusCode.PERMISSION_DENIED


async def test_a_workspace_is_made_once_for_a_request_id(callers: Callers, org_id: UUID) -> None:
    tenant = callers.tenant(org_id)
    first = await a_workspace(tenant, request_id="r1", offer_policy="manual")
    assert (first.name, first.offer_policy) == ("Acme", "manual")
    assert await a_workspace(tenant, request_id="r1", offer_policy="manual") == first
    async with refused() as refusal:
        await a_workspace(tenant, request_id="r1", name="Other")
    assert refusal.reason == "REQUEST_ID_REUSED"
    assert refusal.metadata == {"request_id": "r1"}


async def test_a_service_reads_a_workspace_of_the_org_it_names(
    callers: Callers, org_id: UUID
) -> None:
    workspace = await a_workspace(callers.tenant(org_id))
    delivery = callers.service("delivery")
    request = pb.GetWorkspaceRequest(workspace_id=workspace.workspace_id, org_id=str(org_id))
    assert (await delivery.GetWorkspace(request)).workspace == workspace
    async with refused() as refusal:
        await delivery.GetWorkspace(pb.GetWorkspaceRequest(workspace_id=workspace.workspace_id))
    assert refusal.metadata == {"fields": "org_id"}


async def test_a_tenant_sees_nothing_of_another(callers: Callers, org_id: UUID) -> None:
    owner, stranger = callers.tenant(org_id), callers.tenant(uuid4())
    workspace = await a_workspace(owner)
    rule = await a_rule(owner, workspace.workspace_id)
    lead = a_lead(org_id)
    await enqueue(callers.service("ingest"), lead)
    # The org that the request names does not matter: a tenant's is in its token.
    named = pb.GetWorkspaceRequest(workspace_id=workspace.workspace_id, org_id=str(org_id))
    assert (await owner.GetWorkspace(named)).workspace == workspace
    async with refused() as refusal:
        await stranger.GetWorkspace(named)
    assert refusal.reason == "WORKSPACE_NOT_FOUND"
    async with refused() as refusal:
        await stranger.UpdateRule(pb.UpdateRuleRequest(rule_id=rule.rule_id, etag="1", name="x"))
    assert refusal.reason == "RULE_NOT_FOUND"
    async with refused() as refusal:
        await a_rule(stranger, workspace.workspace_id)
    assert refusal.reason == "WORKSPACE_NOT_FOUND"
    assert (await owner.GetRouting(pb.GetRoutingRequest(lead_id=lead.lead_id))).status == "pending"
    async with refused() as refusal:
        await stranger.GetRouting(pb.GetRoutingRequest(lead_id=lead.lead_id))
    assert refusal.reason == "LEAD_NOT_FOUND"
    assert not (await stranger.ListWorkspaces(pb.ListWorkspacesRequest())).workspaces
    assert not (await stranger.ListRules(pb.ListRulesRequest())).rules


async def test_a_rule_with_a_bad_condition_is_refused_with_its_position(
    callers: Callers, org_id: UUID
) -> None:
    tenant = callers.tenant(org_id)
    workspace = await a_workspace(tenant)
    async with refused() as refusal:
        await a_rule(tenant, workspace.workspace_id, condition='lead.typ == "order"')
    assert (refusal.reason, refusal.status) == (
        "CONDITION_REFUSED",
        grpc.StatusCode.INVALID_ARGUMENT,
    )
    assert refusal.metadata == {
        "line": "1",
        "column": "5",
        "problem": "undeclared reference to 'lead.typ' (in container '')",
    }


async def test_a_rule_that_can_never_work_is_refused_with_the_engines_words(
    callers: Callers, org_id: UUID
) -> None:
    tenant = callers.tenant(org_id)
    workspace = await a_workspace(tenant)
    for condition, column, problem in (
        ("lead.full_name.matches('[')", "23", "invalid regular expression: missing ]: ["),
        ("1/0 == 1", "2", "divide by zero"),
    ):
        async with refused() as refusal:
            await a_rule(tenant, workspace.workspace_id, condition=condition)
        assert refusal.reason == "CONDITION_REFUSED"
        assert refusal.metadata == {"line": "1", "column": column, "problem": problem}


@pytest.mark.parametrize("condition", ["true &&\n 1", "lead.has_phone || 1 / 0 == 1"])
async def test_an_update_with_a_bad_condition_is_refused(
    callers: Callers, org_id: UUID, condition: str
) -> None:
    tenant = callers.tenant(org_id)
    rule = await a_rule(tenant, (await a_workspace(tenant)).workspace_id)
    update = pb.UpdateRuleRequest(rule_id=rule.rule_id, etag=rule.etag, condition=condition)
    async with refused() as refusal:
        await tenant.UpdateRule(update)
    assert refusal.reason == "CONDITION_REFUSED"
    assert (await tenant.ListRules(pb.ListRulesRequest())).rules == [rule]


async def test_a_rule_too_many_is_refused(callers: Callers, org_id: UUID, admin: Admin) -> None:
    tenant = callers.tenant(org_id)
    workspace = await a_workspace(tenant)
    rule = await a_rule(tenant, workspace.workspace_id)
    await admin.execute(
        """insert into routing.rules
        select org_id, gen_random_uuid(), version, workspace_id, name, priority, condition,
          enabled, created_at, updated_at, trace_id
        from routing.rules, generate_series(1, 99)"""
    )
    async with refused() as refusal:
        await a_rule(tenant, workspace.workspace_id)
    assert refusal.reason == "TOO_MANY_RULES"
    assert refusal.status == grpc.StatusCode.FAILED_PRECONDITION
    assert refusal.metadata == {"enabled_max": "100"}
    off = pb.UpdateRuleRequest(rule_id=rule.rule_id, etag=rule.etag, enabled=False)
    assert not (await tenant.UpdateRule(off)).rule.enabled
    await a_rule(tenant, workspace.workspace_id)


async def test_a_rule_is_updated_by_who_read_it_last(callers: Callers, org_id: UUID) -> None:
    tenant = callers.tenant(org_id)
    rule = await a_rule(tenant, (await a_workspace(tenant)).workspace_id, priority=3)
    update = pb.UpdateRuleRequest(rule_id=rule.rule_id, etag=rule.etag, enabled=False, priority=0)
    updated = (await tenant.UpdateRule(update)).rule
    assert (updated.version, updated.etag) == (2, "2")
    assert (updated.enabled, updated.priority, updated.condition) == (False, 0, "true")
    async with refused() as refusal:
        await tenant.UpdateRule(update)
    assert (refusal.reason, refusal.status) == ("ETAG_MISMATCH", grpc.StatusCode.ABORTED)
    assert refusal.metadata == {"etag": "2"}


async def test_lists_come_in_pages(callers: Callers, org_id: UUID) -> None:
    tenant = callers.tenant(org_id)
    workspaces = [await a_workspace(tenant) for _ in range(3)]
    rules = [
        await a_rule(tenant, workspaces[0].workspace_id, priority=priority)
        for priority in (2, 1, 1)
    ]
    seen_workspaces, seen_rules, token = [], [], ""
    while True:
        page = await tenant.ListWorkspaces(pb.ListWorkspacesRequest(page_size=2, page_token=token))
        seen_workspaces += list(page.workspaces)
        if not (token := page.next_page_token):
            break
    while True:
        rule_page = await tenant.ListRules(pb.ListRulesRequest(page_size=2, page_token=token))
        seen_rules += list(rule_page.rules)
        if not (token := rule_page.next_page_token):
            break
    assert seen_workspaces == workspaces
    assert seen_rules == [rules[1], rules[2], rules[0]]
    async with refused() as refusal:
        await tenant.ListRules(pb.ListRulesRequest(page_token="nonsense"))
    assert refusal.reason == "PAGE_TOKEN_REFUSED"


async def test_leads_are_taken_over_each_with_an_outcome(
    callers: Callers, org_id: UUID, admin: Admin, enqueued: Wake
) -> None:
    ingest = callers.service("ingest")
    good, bad = a_lead(org_id), a_lead(org_id, type="gift")
    for _ in range(2):
        assert await enqueue(ingest, good, bad) == [
            (good.lead_id, "accepted", ""),
            (bad.lead_id, "refused", "INVALID_REQUEST"),
        ]
    assert await admin.fetchval("select count(*) from routing.leads") == 1
    # It was set: the wait is over at once.
    await enqueued.wait(60)


async def test_a_leads_routing_can_be_read_from_the_start(callers: Callers, org_id: UUID) -> None:
    trace = new_root()
    lead = a_lead(org_id, traceparent=trace.traceparent)
    await enqueue(callers.service("ingest"), lead)
    request = pb.GetRoutingRequest(lead_id=lead.lead_id)
    routing = await callers.tenant(org_id).GetRouting(request)
    assert (routing.status, routing.attempts, routing.trace_id) == ("pending", 0, trace.trace_id)
    assert not routing.HasField("next_retry_time")
    assert not routing.decisions
    async with refused() as refusal:
        await callers.tenant(org_id).GetRouting(pb.GetRoutingRequest(lead_id=str(new_id())))
    assert refusal.reason == "LEAD_NOT_FOUND"


async def test_what_happened_is_told_by_trace_and_by_lead(callers: Callers, org_id: UUID) -> None:
    trace = new_root()
    lead = a_lead(org_id, traceparent=trace.traceparent)
    await enqueue(callers.service("ingest"), lead)
    request = trace_pb.GetTraceRequest(trace_id=trace.trace_id)
    operator = await callers.tracing("operator").GetTrace(request)
    assert [entry.name for entry in operator.entries] == ["lead taken over", "routing queue"]
    assert (await callers.tracing_tenant(org_id).GetTrace(request)).entries == operator.entries
    assert not (await callers.tracing_tenant(uuid4()).GetTrace(request)).entries
    found = await callers.tracing("operator").FindTraces(
        trace_pb.FindTracesRequest(lead_id=lead.lead_id)
    )
    assert [item.trace_id for item in found.traces] == [trace.trace_id]


async def test_the_operator_gets_the_consistency_check(callers: Callers, org_id: UUID) -> None:
    await enqueue(callers.service("ingest"), a_lead(org_id))
    request = trace_pb.VerifyBooksRequest()
    check = await callers.tracing("operator").VerifyBooks(request)
    assert len(check.equations) == 5
    assert all(equation.holds for equation in check.equations)
    assert check.totals == {"leads_taken_over": 1, "offers_handed_over": 0}
    assert check.in_flight == {}
