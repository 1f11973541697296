"""The gRPC edge: parses, calls, answers."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.chassis.errors import DomainError, Violation, invalid
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.rpc.server import Served
from services.chassis.trace import current
from services.routing.answers import to_routing, to_rule, to_workspace
from services.routing.leads import NewLead
from services.routing.parsing import (
    parse_change,
    parse_leads,
    parse_rule,
    parse_rules_page,
    parse_workspace,
)
from services.routing.store.leads import LeadStore
from services.routing.store.rules import RuleStore
from services.routing.trials import Trials
from waybill.routing.v1 import routing_service_pb2 as pb
from waybill.routing.v1 import routing_service_pb2_grpc


def routing_served(service: "RoutingService") -> Served:
    """RoutingService for `serving`."""
    return Served(
        descriptor=pb.DESCRIPTOR.services_by_name["RoutingService"],
        add=routing_service_pb2_grpc.add_RoutingServiceServicer_to_server,
        servicer=service,
    )


class RoutingService(routing_service_pb2_grpc.RoutingServiceServicer):
    """RoutingService; `enqueued` is set when leads were taken over."""

    def __init__(self, rules: RuleStore, leads: LeadStore, trials: Trials, enqueued: Wake) -> None:
        self._rules = rules
        self._trials = trials
        self._leads = leads
        self._enqueued = enqueued

    async def CreateWorkspace(
        self, request: pb.CreateWorkspaceRequest, context: Any
    ) -> pb.CreateWorkspaceResponse:
        name, offer_policy = parse_workspace(request)
        workspace = await self._rules.create_workspace(
            caller().org,
            new_id(),
            name,
            offer_policy,
            parse_request_id(request),
            current().traceparent,
        )
        return pb.CreateWorkspaceResponse(workspace=to_workspace(workspace))

    async def GetWorkspace(
        self, request: pb.GetWorkspaceRequest, context: Any
    ) -> pb.GetWorkspaceResponse:
        workspace_id = parse_uuid(request.workspace_id, "workspace_id")
        workspace = await self._rules.get_workspace(_org_of(request), workspace_id)
        if workspace is None:
            raise DomainError(
                "WORKSPACE_NOT_FOUND",
                "There is no such workspace in this org.",
                metadata={"workspace_id": str(workspace_id)},
            )
        return pb.GetWorkspaceResponse(workspace=to_workspace(workspace))

    async def ListWorkspaces(
        self, request: pb.ListWorkspacesRequest, context: Any
    ) -> pb.ListWorkspacesResponse:
        page = parse_page(request, "workspaces")
        rows = await self._rules.list_workspaces(caller().org, page.rows_to_read, page.start)
        workspaces, token = page.split(rows, lambda row: (str(row.workspace_id),))
        return pb.ListWorkspacesResponse(
            workspaces=[to_workspace(row) for row in workspaces], next_page_token=token
        )

    async def CreateRule(
        self, request: pb.CreateRuleRequest, context: Any
    ) -> pb.CreateRuleResponse:
        new = parse_rule(request)
        await self._trials.check(new.condition)
        rule = await self._rules.create_rule(
            caller().org,
            new_id(),
            new,
            parse_request_id(request),
            current().traceparent,
        )
        return pb.CreateRuleResponse(rule=to_rule(rule))

    async def UpdateRule(
        self, request: pb.UpdateRuleRequest, context: Any
    ) -> pb.UpdateRuleResponse:
        change = parse_change(request)
        if change.condition is not None:
            await self._trials.check(change.condition)
        rule = await self._rules.update_rule(caller().org, change, current().traceparent)
        return pb.UpdateRuleResponse(rule=to_rule(rule))

    async def ListRules(self, request: pb.ListRulesRequest, context: Any) -> pb.ListRulesResponse:
        page = parse_rules_page(request)
        rows = await self._rules.list_rules(caller().org, page.rows_to_read, page.start)
        rules, token = page.split(rows, lambda row: (str(row.priority), str(row.rule_id)))
        return pb.ListRulesResponse(rules=[to_rule(row) for row in rules], next_page_token=token)

    async def GetRouting(
        self, request: pb.GetRoutingRequest, context: Any
    ) -> pb.GetRoutingResponse:
        lead_id = parse_uuid(request.lead_id, "lead_id")
        routing = await self._leads.get_routing(caller().org, lead_id)
        if routing is None:
            raise DomainError(
                "LEAD_NOT_FOUND",
                "There is no such lead in this org, or it is still on its way here.",
                metadata={"lead_id": str(lead_id)},
            )
        return to_routing(routing, await self._leads.list_decisions(caller().org, lead_id))

    async def EnqueueLeads(
        self, request: pb.EnqueueLeadsRequest, context: Any
    ) -> pb.EnqueueLeadsResponse:
        parsed = parse_leads(request, datetime.now(UTC))
        if leads := [item for _, item in parsed if isinstance(item, NewLead)]:
            await self._leads.enqueue_leads(leads)
            self._enqueued.set()
        return pb.EnqueueLeadsResponse(results=[_result(lead_id, item) for lead_id, item in parsed])


def _org_of(request: pb.GetWorkspaceRequest) -> UUID:
    """The tenant's org, or the one that a service names."""
    who = caller()
    if who.service is None:
        return who.org
    if not request.org_id:
        raise invalid(Violation(field="org_id", description="is required from a service"))
    return parse_uuid(request.org_id, "org_id")


def _result(lead_id: str, item: NewLead | DomainError) -> pb.EnqueueLeadResult:
    if isinstance(item, DomainError):
        return pb.EnqueueLeadResult(lead_id=lead_id, outcome="refused", reason=item.reason)
    return pb.EnqueueLeadResult(lead_id=lead_id, outcome="accepted")
