"""Routing's records as answers."""

from collections.abc import Sequence

from services.chassis.errors import DomainError
from services.chassis.timestamps import to_optional_timestamp, to_timestamp
from services.routing.records import LoggedDecision, PublishedRule, Routing, Workspace
from waybill.routing.v1 import routing_service_pb2 as pb


def to_workspace(workspace: Workspace) -> pb.Workspace:
    """A workspace."""
    return pb.Workspace(
        workspace_id=str(workspace.workspace_id),
        name=workspace.name,
        offer_policy=workspace.offer_policy,
        create_time=to_timestamp(workspace.created_at),
    )


def to_rule(rule: PublishedRule) -> pb.Rule:
    """A rule; its version is its etag."""
    return pb.Rule(
        rule_id=str(rule.rule_id),
        version=rule.version,
        workspace_id=str(rule.workspace_id),
        name=rule.name,
        priority=rule.priority,
        condition=rule.condition,
        enabled=rule.enabled,
        etag=str(rule.version),
    )


def to_routing(routing: Routing, decisions: Sequence[LoggedDecision]) -> pb.GetRoutingResponse:
    """A lead's routing with every decision on it."""
    return pb.GetRoutingResponse(
        status=routing.routing_status,
        workspace_id=str(routing.workspace_id or ""),
        error=routing.routing_error or "",
        attempts=routing.routing_attempts,
        decisions=[to_decision(decision) for decision in decisions],
        next_retry_time=to_optional_timestamp(routing.next_retry_at),
        trace_id=routing.trace_id,
    )


def to_decision(decision: LoggedDecision) -> pb.Decision:
    """One decision."""
    return pb.Decision(
        attempt=decision.attempt,
        outcome=decision.outcome,
        rule_id=str(decision.rule_id or ""),
        rule_version=decision.rule_version or 0,
        workspace_id=str(decision.workspace_id or ""),
        candidates=[pb.Candidate(**candidate) for candidate in decision.candidates],
        decide_time=to_timestamp(decision.decided_at),
    )


def to_enqueue_result(lead_id: str, refusal: DomainError | None) -> pb.EnqueueLeadResult:
    """Whether a lead was taken over, and the reason if not."""
    if refusal is None:
        return pb.EnqueueLeadResult(lead_id=lead_id, outcome="accepted")
    return pb.EnqueueLeadResult(lead_id=lead_id, outcome="refused", reason=refusal.reason)
