"""What callers ask of ingest: all that is wrong is said together."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.chassis.errors import DomainError
from services.ingest.edge.parsing import (
    parse_item_status,
    parse_lead,
    parse_org,
    parse_source,
)
from services.ingest.records.leads import LEAD_TYPES, ContactIdentity, IncomingLead
from services.ingest.records.sources import ApiSource
from services.ingest.records.webhooks import ITEM_STATUSES
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadRequest,
    CreateOrgRequest,
    CreateSourceRequest,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def lead_of(**fields: str) -> IncomingLead:
    request = CreateLeadRequest(**{"customer_phone": "0171 2345678", "type": "order", **fields})
    return parse_lead(request, ApiSource(source_id=uuid4(), default_region="DE"), now=NOW)


def fields_of(error: DomainError) -> list[str]:
    return [violation.field for violation in error.violations]


@pytest.mark.parametrize("kind", LEAD_TYPES)
def test_every_type_is_taken(kind: str) -> None:
    assert lead_of(type=kind).type == kind


def test_a_bad_phone_and_a_bad_type_are_named_together() -> None:
    with pytest.raises(DomainError) as caught:
        lead_of(
            customer_phone="call me", type="gift", customer_name="x" * 201, details="x" * 10_001
        )
    assert caught.value.reason == "INVALID_REQUEST"
    assert fields_of(caught.value) == ["customer_phone", "details", "type", "customer_name"]
    assert "call me" not in str(caught.value)


def test_a_lead_has_phone_identity_and_message() -> None:
    lead = lead_of(customer_name=" Ada ", details=" Two bikes ")
    assert lead.identities == (ContactIdentity(kind="phone", value="+491712345678"),)
    assert (lead.phone, lead.phone_raw, lead.full_name) == ("+491712345678", "0171 2345678", "Ada")
    assert lead.message is not None
    assert (lead.message.body, lead.message.external_id) == ("Two bikes", None)
    assert not lead.first_contact


def test_a_lead_without_details_brings_no_message() -> None:
    assert lead_of(details="  ").message is None


def test_an_org_needs_a_region_that_has_phones_and_a_short_name() -> None:
    with pytest.raises(DomainError) as caught:
        parse_org(CreateOrgRequest(name="x" * 201, default_region="de"))
    assert fields_of(caught.value) == ["name", "default_region"]
    parse_org(CreateOrgRequest(name="x" * 200, default_region="DE"))


def test_a_source_names_all_that_is_wrong_with_it() -> None:
    request = CreateSourceRequest(
        kind="api",
        external_id="x" * 201,
        name="x" * 201,
        default_region="?",
        access_token="x" * 2001,
    )
    with pytest.raises(DomainError) as caught:
        parse_source(request)
    assert fields_of(caught.value) == [
        "kind", "external_id", "name", "default_region", "access_token",
    ]  # fmt: skip


@pytest.mark.parametrize("external_id", [" ", "\0", "70\00010"])
def test_a_source_whose_id_no_webhook_can_name_is_refused(external_id: str) -> None:
    request = CreateSourceRequest(kind="form", external_id=external_id, default_region="DE")
    with pytest.raises(DomainError) as caught:
        parse_source(request)
    assert fields_of(caught.value) == ["external_id"]


@pytest.mark.parametrize("field", ["customer_phone", "customer_name", "details"])
def test_text_that_the_database_cannot_hold_is_refused_by_name(field: str) -> None:
    with pytest.raises(DomainError) as caught:
        lead_of(**{field: "0171 23\000 45678"})
    assert fields_of(caught.value) == [field]


def test_a_status_to_list_is_a_known_one_or_all() -> None:
    assert parse_item_status("") is None
    assert [parse_item_status(status) for status in ITEM_STATUSES] == list(ITEM_STATUSES)
    with pytest.raises(DomainError) as caught:
        parse_item_status("lost")
    assert fields_of(caught.value) == ["status"]
