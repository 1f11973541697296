"""Request ids: the same content hashes alike, other content does not."""

import pytest

from services.chassis.errors import DomainError
from services.chassis.rpc.request_ids import RequestId, parse_request_id
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadRequest,
    CreateOrgRequest,
    GetLeadRequest,
)


def test_a_request_without_an_id_stands_for_nothing() -> None:
    assert parse_request_id(CreateOrgRequest(name="a")) == RequestId()
    assert parse_request_id(GetLeadRequest(lead_id="a")) == RequestId()


def test_the_same_request_hashes_alike_and_another_does_not() -> None:
    first = parse_request_id(CreateOrgRequest(request_id="r", name="a"))
    again = parse_request_id(CreateOrgRequest(request_id="r", name="a"))
    other = parse_request_id(CreateOrgRequest(request_id="r", name="b"))
    assert first == again
    assert (first.value, other.value) == ("r", "r")
    assert first.content_hash != other.content_hash


def test_another_kind_of_request_with_equal_bytes_hashes_differently() -> None:
    org = CreateOrgRequest(request_id="r", name="a")
    lead = CreateLeadRequest(request_id="r")
    lead_hash = parse_request_id(lead).content_hash
    assert lead_hash is not None
    assert lead_hash != parse_request_id(org).content_hash


def test_equal_content_under_two_ids_does_not_hash_alike() -> None:
    hashes = {
        parse_request_id(CreateOrgRequest(request_id=value, name="a")).content_hash
        for value in ("r1", "r2")
    }
    assert len(hashes) == 2


@pytest.mark.parametrize("value", ["x" * 129, "a\0b"])
def test_an_id_that_cannot_be_kept_is_refused_by_name(value: str) -> None:
    with pytest.raises(DomainError) as caught:
        parse_request_id(CreateOrgRequest(request_id=value))
    assert [violation.field for violation in caught.value.violations] == ["request_id"]


def test_the_longest_id_is_kept() -> None:
    assert parse_request_id(CreateOrgRequest(request_id="x" * 128)).value == "x" * 128
