"""Requests as routing's own types."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.chassis.errors import DomainError, Violation, invalid
from services.routing.conditions import ConditionRefused, compile_condition
from services.routing.fields import Fields
from services.routing.leads import Answer, Lead, NewLead
from services.routing.store.rules import NewRule, RuleChange
from waybill.routing.v1.routing_service_pb2 import (
    CreateRuleRequest,
    CreateWorkspaceRequest,
    EnqueueLeadsRequest,
    LeadToRoute,
    UpdateRuleRequest,
)

LEADS_MAX: Final = 500
OFFER_POLICIES: Final = ("direct", "manual")
LEAD_TYPES: Final = ("order", "inquiry", "quote", "appointment", "support", "other")


def parse_uuid(field: str, text: str) -> UUID:
    """One UUID; INVALID_REQUEST where it is none."""
    fields = Fields()
    value = fields.uuid(field, text)
    fields.done()
    return value


def parse_workspace(request: CreateWorkspaceRequest) -> tuple[str, str]:
    """Name and offer policy of a new workspace."""
    fields = Fields()
    name = fields.name("name", request.name)
    policy = fields.one_of("offer_policy", request.offer_policy or "direct", OFFER_POLICIES)
    fields.done()
    return name, policy


def parse_rule(request: CreateRuleRequest) -> NewRule:
    """A new rule; CONDITION_REFUSED where its condition does not compile."""
    fields = Fields()
    rule = NewRule(
        workspace_id=fields.uuid("workspace_id", request.workspace_id),
        name=fields.name("name", request.name),
        priority=fields.priority("priority", request.priority),
        condition=fields.text("condition", request.condition),
    )
    fields.done()
    check_condition(rule.condition)
    return rule


def parse_change(request: UpdateRuleRequest) -> RuleChange:
    """A new version of a rule; CONDITION_REFUSED where its condition does not compile."""
    fields = Fields()
    change = RuleChange(
        rule_id=fields.uuid("rule_id", request.rule_id),
        etag=fields.text("etag", request.etag),
        workspace_id=(
            fields.uuid("workspace_id", request.workspace_id)
            if request.HasField("workspace_id")
            else None
        ),
        name=fields.name("name", request.name) if request.HasField("name") else None,
        priority=(
            fields.priority("priority", request.priority) if request.HasField("priority") else None
        ),
        condition=(
            fields.text("condition", request.condition) if request.HasField("condition") else None
        ),
        enabled=request.enabled if request.HasField("enabled") else None,
    )
    fields.done()
    if change.condition is not None:
        check_condition(change.condition)
    return change


def check_condition(text: str) -> None:
    """CONDITION_REFUSED, with line and column, where the condition does not compile."""
    try:
        compile_condition(text)
    except ConditionRefused as refused:
        where = f"line {refused.line}, column {refused.column}"
        raise DomainError(
            "CONDITION_REFUSED",
            f"The condition is refused at {where}: {refused.problem}.",
            metadata={
                "line": str(refused.line),
                "column": str(refused.column),
                "problem": refused.problem,
            },
        ) from None


def parse_leads(
    request: EnqueueLeadsRequest, now: datetime
) -> list[tuple[str, NewLead | DomainError]]:
    """Each lead with its id as sent, or why it is refused; `now` where no receive time came."""
    if len(request.leads) > LEADS_MAX:
        raise invalid(Violation(field="leads", description=f"has more than {LEADS_MAX} elements"))
    return [(item.lead_id, _parse_or_refuse(item, now)) for item in request.leads]


def _parse_or_refuse(item: LeadToRoute, now: datetime) -> NewLead | DomainError:
    try:
        return _parse_lead(item, now)
    except DomainError as refused:
        return refused


def _parse_lead(item: LeadToRoute, now: datetime) -> NewLead:
    fields = Fields()
    received_at = _parse_received_at(fields, item, now)
    trace = fields.trace(
        "traceparent", item.traceparent, fields.text("tracestate", item.tracestate)
    )
    lead = Lead(
        org_id=fields.uuid("org_id", item.org_id),
        lead_id=fields.uuid("lead_id", item.lead_id),
        source_id=fields.uuid("source_id", item.source_id),
        source_kind=fields.text("source_kind", item.source_kind),
        type=fields.one_of("type", item.type or "other", LEAD_TYPES),
        phone=fields.text("phone", item.phone),
        email=fields.text("email", item.email.lower()),
        full_name=fields.text("full_name", item.full_name),
        details=fields.text("details", item.details),
        answers=tuple(
            Answer(
                name=fields.text("answers", answer.name),
                values=tuple(fields.text("answers", value) for value in answer.values),
            )
            for answer in item.answers
        ),
        consents={fields.text("consents", key): given for key, given in item.consents.items()},
        received_at=received_at,
    )
    fields.done()
    return NewLead(lead=lead, trace=trace)


def _parse_received_at(fields: Fields, item: LeadToRoute, now: datetime) -> datetime:
    if not item.HasField("receive_time"):
        return now
    try:
        return item.receive_time.ToDatetime(UTC)
    except (ValueError, OverflowError):
        fields.refuse("receive_time", "is no timestamp")
        return now
