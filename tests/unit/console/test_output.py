"""Answers as people and programs read them."""

import json
from datetime import UTC, datetime

import pytest

from services.console.commands.delivery import _COLUMNS as DELIVERY_COLUMNS
from services.console.output import show, show_list
from waybill.delivery.v1.delivery_service_pb2 import (
    Attempt,
    Delivery,
    GetDeliveryResponse,
    ListDeliveriesResponse,
)
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadResponse,
    Lead,
    ListLeadsResponse,
    ListSourcesResponse,
)
from waybill.routing.v1.routing_service_pb2 import Candidate, Decision, GetRoutingResponse
from waybill.scheduling.v1.scheduling_service_pb2 import Change, GetAppointmentResponse
from waybill.trace.v1.trace_service_pb2 import VerifyBooksResponse


def test_json_has_the_names_of_the_proto_and_fields_at_their_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(CreateLeadResponse(lead_id="L"), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"lead_id": "L", "conversation_id": ""}


def test_an_answer_is_shown_with_all_its_fields_and_lists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = GetDeliveryResponse(
        delivery=Delivery(delivery_id="D", status="DELIVERED"),
        attempts=[Attempt(number=1, outcome="accepted", status_code=204)],
    )
    answer.delivery.create_time.FromDatetime(datetime(2026, 11, 20, 12, tzinfo=UTC))
    show(answer, as_json=False)
    said = capsys.readouterr().out
    assert "DELIVERED" in said
    assert "2026-11-20 12:00:00.000Z" in said
    assert "accepted" in said
    assert "204" in said


def test_lists_in_lists_are_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    candidate = Candidate(rule_id="R", result="failed", failing_predicate="lead.has_phone")
    answer = GetRoutingResponse(decisions=[Decision(outcome="no_match", candidates=[candidate])])
    show(answer, as_json=False)
    assert "failing_predicate=lead.has_phone" in capsys.readouterr().out


def test_a_change_shows_the_values_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    change = Change(action="rescheduled")
    change.before.update({"duration_minutes": 30, "calendars": ["C"], "notes": None})
    change.after.update({"duration_minutes": 60, "local_time": "2027-01-05T09:00"})
    show(GetAppointmentResponse(changes=[change]), as_json=False)
    said = capsys.readouterr().out
    assert 'calendars=["C"] duration_minutes=30 notes=null' in said
    assert "duration_minutes=60 local_time=2027-01-05T09:00" in said


def test_a_map_shows_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    show(VerifyBooksResponse(totals={"leads_taken_over": 7}), as_json=False)
    assert "leads_taken_over=7" in capsys.readouterr().out


def test_a_list_on_a_narrow_terminal_folds_no_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ids = [f"01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e{number}f" for number in range(3)]
    one = Delivery(delivery_id=ids[0], workspace_id=ids[1], lead_id=ids[2], last_error="HTTP 503")
    page = ListDeliveriesResponse(deliveries=[one])
    show_list(page, page.deliveries, DELIVERY_COLUMNS, as_json=False)
    said = capsys.readouterr().out
    assert all(each in said for each in ids)
    assert "HTTP 503" in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_row_in_a_pipe_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    one = Delivery(delivery_id="D", status="DEAD_LETTER", last_error="x" * 300)
    page = ListDeliveriesResponse(deliveries=[one])
    show_list(page, page.deliveries, DELIVERY_COLUMNS, as_json=False)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "DEAD_LETTER" in line]
    assert "x" * 300 in line


def test_a_page_says_where_the_next_one_starts(capsys: pytest.CaptureFixture[str]) -> None:
    page = ListLeadsResponse(leads=[Lead(lead_id="L")], next_page_token="next")
    show_list(page, page.leads, ("lead_id", "create_time"), as_json=False)
    said = capsys.readouterr()
    assert "L" in said.out
    assert "--page-token next" in said.err


def test_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    page = ListSourcesResponse()
    show_list(page, page.sources, ("source_id",), as_json=False)
    assert capsys.readouterr().out == "none\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_name_that_came_in_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    page = ListLeadsResponse(leads=[Lead(full_name="Eve\x1b]0;owned\x07\x9b[bold]")])
    show_list(page, page.leads, ("full_name",), as_json=as_json)
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b"} & set(said)
    assert "[bold]" in said
