from uuid import uuid4

import pytest

from services.chassis.errors import DomainError
from services.chassis.rpc.pagination import parse_page
from services.delivery.edge.ledger_pagination import parse_ledger_page
from waybill.delivery.v1.delivery_service_pb2 import ListLedgerEntriesRequest, ListOffersRequest


def test_the_next_page_starts_where_this_one_ends() -> None:
    rows = [uuid4() for _ in range(3)]
    page = parse_page(ListOffersRequest(page_size=2), "offers", None)
    assert page.rows_to_read == 3
    answered, token = page.split(rows, lambda row: (str(row),))
    assert answered == rows[:2]
    following = parse_page(ListOffersRequest(page_token=token), "offers", None)
    assert following.start == rows[1]


def test_the_last_page_has_no_token() -> None:
    page = parse_page(ListOffersRequest(page_size=2), "offers")
    assert page.split([uuid4(), uuid4()], lambda row: (str(row),))[1] == ""


def test_a_token_of_another_list_or_filter_is_refused() -> None:
    page = parse_page(ListOffersRequest(page_size=1), "offers", "a")
    _, token = page.split([uuid4(), uuid4()], lambda row: (str(row),))
    for scope in (("offers", "b"), ("deliveries", "a")):
        with pytest.raises(DomainError) as refused:
            parse_page(ListOffersRequest(page_token=token), *scope)
        assert refused.value.reason == "PAGE_TOKEN_REFUSED"


@pytest.mark.parametrize("keys", [("x", "held"), ("-1", "held"), ("9" * 30, "held"), ("1", "\0")])
def test_a_ledger_token_that_no_ledger_gave_out_is_refused(keys: tuple[str, str]) -> None:
    page = parse_ledger_page(ListLedgerEntriesRequest(page_size=1), "ledger")
    _, token = page.split([1, 2], lambda _: keys)
    with pytest.raises(DomainError) as refused:
        parse_ledger_page(ListLedgerEntriesRequest(page_token=token), "ledger")
    assert refused.value.reason == "PAGE_TOKEN_REFUSED"


def test_a_negative_page_size_is_named() -> None:
    with pytest.raises(DomainError) as refused:
        parse_page(ListOffersRequest(page_size=-1), "offers")
    assert refused.value.metadata == {"fields": "page_size"}
