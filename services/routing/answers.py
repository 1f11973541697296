"""Routing's own types as answers."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.routing.store.leads import LoggedDecision, Routing
from services.routing.store.rules import PublishedRule, Workspace
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
    response = pb.GetRoutingResponse(
        status=routing.routing_status,
        workspace_id=str(routing.workspace_id or ""),
        error=routing.routing_error or "",
        attempts=routing.routing_attempts,
        decisions=[to_decision(decision) for decision in decisions],
        trace_id=routing.trace_id,
    )
    if routing.next_retry_at is not None:
        response.next_retry_time.FromDatetime(routing.next_retry_at)
    return response


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


def to_timestamp(moment: datetime) -> Timestamp:
    """A moment as protobuf has it."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
