from uuid import uuid4

import pytest

from services.chassis.errors import DomainError
from services.chassis.trace import new_root
from services.delivery.edge.parsing import parse_grant, parse_offers, parse_step
from services.delivery.records import NewOffer
from waybill.delivery.v1.delivery_service_pb2 import (
    AdvanceOfferRequest,
    GrantCreditsRequest,
    LeadOffer,
    OfferLeadsRequest,
)


def an_offer(**changes: str) -> LeadOffer:
    defaults = {
        "org_id": str(uuid4()),
        "lead_id": str(uuid4()),
        "workspace_id": str(uuid4()),
        "offer_policy": "direct",
        "payload_json": '{"b": 1,  "a": "\\u0000"}',
        "traceparent": new_root().traceparent,
    }
    return LeadOffer(**{**defaults, **changes})


def test_a_good_offer_keeps_its_payload_byte_for_byte() -> None:
    ((_, offer),) = parse_offers(OfferLeadsRequest(offers=[an_offer()]))
    assert isinstance(offer, NewOffer)
    assert offer.payload == '{"b": 1,  "a": "\\u0000"}'


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("org_id", "x"),
        ("lead_id", "x"),
        ("workspace_id", "x"),
        ("offer_policy", "sometimes"),
        ("payload_json", "[1]"),
        ("payload_json", "{"),
        ("payload_json", "[" * 100_000),
        ("traceparent", "00-x"),
        ("tracestate", "a=\0"),
    ],
)
def test_a_bad_offer_is_refused_alone_with_its_field_named(field: str, text: str) -> None:
    request = OfferLeadsRequest(offers=[an_offer(**{field: text}), an_offer()])
    (_, bad), (_, good) = parse_offers(request)
    assert isinstance(bad, DomainError)
    assert bad.metadata == {"fields": field}
    assert isinstance(good, NewOffer)


def test_all_that_is_wrong_with_a_request_comes_back_together() -> None:
    with pytest.raises(DomainError) as grant:
        parse_grant(GrantCreditsRequest(workspace_id="x", credits=0, reason="r" * 201))
    with pytest.raises(DomainError) as step:
        parse_step(AdvanceOfferRequest(offer_id="x", to_status="SOLD"))
    assert grant.value.metadata == {"fields": "workspace_id,credits,reason"}
    assert step.value.metadata == {"fields": "offer_id,to_status"}


@pytest.mark.parametrize("credits", [-1, 0, 1_000_001])
def test_credits_are_granted_within_bounds(credits: int) -> None:
    with pytest.raises(DomainError):
        parse_grant(GrantCreditsRequest(workspace_id=str(uuid4()), credits=credits))
