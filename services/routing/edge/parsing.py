"""Requests as routing's records."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.chassis.errors import DomainError
from services.chassis.rpc.pagination import ListPage, Paged, parse_page_from
from services.routing.edge.fields import RoutingFields
from services.routing.records import (
    Lead,
    LeadAnswer,
    NewLead,
    NewRule,
    NewWorkspace,
    RuleChange,
)
from waybill.routing.v1 import routing_service_pb2 as pb

PRIORITY_MAX: Final = 1_000_000
OFFER_POLICIES: Final = ("direct", "manual")
LEAD_TYPES: Final = ("order", "inquiry", "quote", "appointment", "support", "other")


def parse_workspace(request: pb.CreateWorkspaceRequest) -> NewWorkspace:
    """A new workspace; its offers are delivered at once unless the caller says otherwise."""
    fields = RoutingFields()
    policy = request.offer_policy or "direct"
    workspace = NewWorkspace(
        name=fields.name("name", request.name),
        offer_policy=fields.one_of("offer_policy", policy, OFFER_POLICIES),
    )
    fields.done()
    return workspace


def parse_rule(request: pb.CreateRuleRequest) -> NewRule:
    """A new rule; its condition stays exactly as sent."""
    fields = RoutingFields()
    rule = NewRule(
        workspace_id=fields.uuid("workspace_id", request.workspace_id),
        name=fields.name("name", request.name),
        priority=fields.number("priority", request.priority, 0, PRIORITY_MAX),
        condition=fields.verbatim("condition", request.condition),
    )
    fields.done()
    return rule


def parse_change(request: pb.UpdateRuleRequest) -> RuleChange:
    """A new version of a rule; its condition stays exactly as sent."""
    fields = RoutingFields()
    change = RuleChange(
        rule_id=fields.uuid("rule_id", request.rule_id),
        etag=fields.verbatim("etag", request.etag),
        workspace_id=(
            fields.uuid("workspace_id", request.workspace_id)
            if request.HasField("workspace_id")
            else None
        ),
        name=fields.name("name", request.name) if request.HasField("name") else None,
        priority=(
            fields.number("priority", request.priority, 0, PRIORITY_MAX)
            if request.HasField("priority")
            else None
        ),
        condition=(
            fields.verbatim("condition", request.condition)
            if request.HasField("condition")
            else None
        ),
        enabled=request.enabled if request.HasField("enabled") else None,
    )
    fields.done()
    return change


def parse_leads(
    request: pb.EnqueueLeadsRequest, now: datetime
) -> list[tuple[str, NewLead | DomainError]]:
    """By its id as sent, each lead or its refusal; `now` is the receive time of one without."""
    return [(item.lead_id, _parse_or_refuse(item, now)) for item in request.leads]


def _parse_or_refuse(item: pb.LeadToRoute, now: datetime) -> NewLead | DomainError:
    try:
        return _parse_lead(item, now)
    except DomainError as refused:
        return refused


def _parse_lead(item: pb.LeadToRoute, now: datetime) -> NewLead:
    fields = RoutingFields()
    received_at = _parse_received_at(fields, item, now)
    trace = fields.trace("traceparent", item.traceparent, item.tracestate)
    lead = Lead(
        org_id=fields.uuid("org_id", item.org_id),
        lead_id=fields.uuid("lead_id", item.lead_id),
        source_id=fields.uuid("source_id", item.source_id),
        source_kind=fields.verbatim("source_kind", item.source_kind),
        type=fields.one_of("type", item.type or "other", LEAD_TYPES),
        phone=fields.verbatim("phone", item.phone),
        email=fields.verbatim("email", item.email.lower()),
        full_name=fields.verbatim("full_name", item.full_name),
        details=fields.verbatim("details", item.details),
        answers=tuple(
            LeadAnswer(
                name=fields.verbatim("answers", answer.name),
                values=tuple(fields.verbatim("answers", value) for value in answer.values),
            )
            for answer in item.answers
        ),
        consents={fields.verbatim("consents", key): given for key, given in item.consents.items()},
        received_at=received_at,
    )
    fields.done()
    return NewLead(lead=lead, trace=trace)


def _parse_received_at(fields: RoutingFields, item: pb.LeadToRoute, now: datetime) -> datetime:
    if not item.HasField("receive_time"):
        return now
    try:
        return item.receive_time.ToDatetime(UTC)
    except (ValueError, OverflowError):
        fields.refuse("receive_time", "is not a timestamp, for example 2027-01-05T08:00:00Z")
        return now


def parse_rules_page(request: Paged) -> ListPage[tuple[int, UUID]]:
    """A page of rules, sorted by priority and id. Raises PAGE_TOKEN_REFUSED, INVALID_REQUEST."""
    return parse_page_from(request, _rule_place, "rules")


def _rule_place(keys: tuple[str, ...]) -> tuple[int, UUID]:
    priority, rule_id = keys
    return min(abs(int(priority)), PRIORITY_MAX), UUID(rule_id)
