"""`waybill calendar book` and `move`: what they ask for."""

from typing import Any

import pytest
from typer.testing import CliRunner

from services.console.__main__ import application
from services.console.commands import calendar
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

ID = "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f"
TWICE = "2027-11-07T01:30"
COMMANDS = [["book", ID, TWICE, "--contact", ID], ["move", ID, TWICE]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests that commands send; each is answered with nothing."""
    requests: list[Any] = []

    def ask(_: Any, __: Any, request: Any, **___: Any) -> Any:
        requests.append(request)
        return pb.BookAppointmentResponse()

    monkeypatch.setattr(calendar, "ask", ask)
    return requests


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("fold", [0, 1])
def test_which_of_two_times_is_sent(asked: list[Any], command: list[str], fold: int) -> None:
    words = ["calendar", *command, "--fold", str(fold)]
    assert CliRunner().invoke(application(), words).exit_code == 0
    (request,) = asked
    assert (request.local_time, request.HasField("fold"), request.fold) == (TWICE, True, fold)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_none_is_sent_where_none_was_said(asked: list[Any], command: list[str]) -> None:
    assert CliRunner().invoke(application(), ["calendar", *command]).exit_code == 0
    assert not asked[0].HasField("fold")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_there_are_two_and_no_third(asked: list[Any], command: list[str]) -> None:
    said = CliRunner().invoke(application(), ["calendar", *command, "--fold", "2"])
    assert said.exit_code == 2
    assert not asked
