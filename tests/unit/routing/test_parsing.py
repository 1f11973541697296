"""Requests that are not what they should be come back with all that is wrong."""

from uuid import uuid4

import pytest

from services.chassis.errors import DomainError
from services.chassis.rpc.page_tokens import encode
from services.chassis.trace import new_root
from services.routing.edge.parsing import (
    parse_change,
    parse_leads,
    parse_rule,
    parse_rules_page,
    parse_workspace,
)
from services.routing.records import NewLead, NewWorkspace
from tests.unit.routing.builders import NOW
from waybill.routing.v1 import routing_service_pb2 as pb


def lead_to_route(**changes: object) -> pb.LeadToRoute:
    defaults: dict[str, object] = {
        "org_id": str(uuid4()),
        "lead_id": str(uuid4()),
        "source_id": str(uuid4()),
        "type": "order",
        "traceparent": new_root().traceparent,
    }
    return pb.LeadToRoute(**{**defaults, **changes})  # type: ignore[arg-type]


def refused_fields(lead: pb.LeadToRoute) -> list[str]:
    ((_, item),) = parse_leads(pb.EnqueueLeadsRequest(leads=[lead]), NOW)
    assert isinstance(item, DomainError)
    return [violation.field for violation in item.violations]


def test_a_lead_keeps_everything_that_was_sent() -> None:
    sent = lead_to_route(
        phone="+4915112345678",
        email="Ada@Example.com",
        answers=[pb.LeadAnswer(name="size", values=["S", "L"])],
        consents={"calls": False},
    )
    sent.receive_time.FromDatetime(NOW)
    ((lead_id, item),) = parse_leads(pb.EnqueueLeadsRequest(leads=[sent]), NOW)
    assert isinstance(item, NewLead)
    assert (lead_id, str(item.lead.lead_id)) == (sent.lead_id, sent.lead_id)
    assert (item.lead.email, item.lead.received_at) == ("ada@example.com", NOW)
    assert item.lead.answers[0].values == ("S", "L")
    assert item.lead.consents == {"calls": False}
    assert item.trace.traceparent == sent.traceparent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("org_id", "x"),
        ("lead_id", "x"),
        ("source_id", "x"),
        ("type", "gift"),
        ("traceparent", "00-0-0-00"),
        ("traceparent", f"00-{'0' * 32}-{'1' * 16}-00"),
        ("full_name", "a\0b"),
        ("tracestate", "a\0b"),
        ("consents", {"\0": True}),
        ("answers", [pb.LeadAnswer(name="a", values=["\0"])]),
    ],
)
def test_a_malformed_lead_is_refused_alone(field: str, value: object) -> None:
    assert refused_fields(lead_to_route(**{field: value})) == [field]


def test_all_that_is_wrong_with_a_lead_comes_back_together() -> None:
    assert refused_fields(lead_to_route(org_id="x", type="gift")) == ["org_id", "type"]


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (pb.CreateWorkspaceRequest(name=" "), "name"),
        (pb.CreateWorkspaceRequest(name="x" * 201, offer_policy="maybe"), "name,offer_policy"),
        (pb.CreateWorkspaceRequest(name="a\0"), "name"),
    ],
)
def test_a_malformed_workspace_is_refused(request_: pb.CreateWorkspaceRequest, fields: str) -> None:
    with pytest.raises(DomainError) as refused:
        parse_workspace(request_)
    assert refused.value.metadata == {"fields": fields}


def test_a_workspace_delivers_at_once_by_default() -> None:
    assert parse_workspace(pb.CreateWorkspaceRequest(name=" Acme ")) == NewWorkspace(
        name="Acme", offer_policy="direct"
    )


@pytest.mark.parametrize("priority", [-1, 1_000_001])
def test_a_priority_has_bounds(priority: int) -> None:
    request = pb.CreateRuleRequest(
        workspace_id=str(uuid4()), name="n", condition="true", priority=priority
    )
    with pytest.raises(DomainError, match="priority"):
        parse_rule(request)


def test_fields_that_an_update_leaves_out_stay_as_they_are() -> None:
    change = parse_change(pb.UpdateRuleRequest(rule_id=str(uuid4()), etag="1", enabled=False))
    assert change.enabled is False
    assert (change.name, change.priority, change.condition, change.workspace_id) == (None,) * 4


@pytest.mark.parametrize("keys", [("1",), ("x", str(uuid4())), ("1", "x"), ()])
def test_a_forged_page_token_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(DomainError, match="PAGE_TOKEN_REFUSED"):
        parse_rules_page(pb.ListRulesRequest(page_token=encode(keys, scope="rules")))


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(DomainError, match="page_size"):
        parse_rules_page(pb.ListRulesRequest(page_size=-1))
