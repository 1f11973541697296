"""What the Graph API's errors mean: wait, mend the connection, or give up."""

import json
from typing import Any

import pytest

from services.ingest.graph_errors import fault_of, regain_seconds


def error(code: Any = None, subcode: Any = None, **more: Any) -> bytes:
    return json.dumps({"error": {"code": code, "error_subcode": subcode, **more}}).encode()


@pytest.mark.parametrize("code", [4, 17, 32, 341, 613, 80001, 80002, 80005, 80006, 80008])
def test_a_limit_is_waited_out_for_at_least_a_minute(code: int) -> None:
    fault = fault_of(400, error(code))
    assert not fault.permanent
    assert fault.wait_seconds == 60
    assert str(code) in fault.reason


def test_a_limit_is_waited_out_for_as_long_as_it_says() -> None:
    usage = json.dumps({"1": [{"type": "leadgen", "estimated_time_to_regain_access": 10}]})
    assert fault_of(400, error(80005), usage).wait_seconds == 600


def test_status_429_is_a_limit_without_a_body() -> None:
    assert fault_of(429, b"").wait_seconds == 60


@pytest.mark.parametrize(
    ("code", "subcode", "permanent", "word"),
    [
        (190, 463, False, "token"),
        (190, None, False, "token"),
        (102, None, False, "token"),
        (10, None, False, "permission"),
        (3, None, False, "permission"),
        (200, None, False, "permission"),
        (299, None, False, "permission"),
        (100, 33, False, "400"),
        (100, None, True, "refuses"),
        (100, 2018108, True, "refuses"),
        (1, None, False, "400"),
        (2, None, False, "400"),
        (999999, None, False, "400"),
        ("100", None, False, "400"),
        (None, None, False, "400"),
        ([], {}, False, "400"),
    ],
)
def test_each_code_means_one_thing(code: Any, subcode: Any, permanent: bool, word: str) -> None:
    fault = fault_of(400, error(code, subcode))
    assert fault.permanent is permanent
    assert word in fault.reason


def test_what_says_it_passes_is_tried_again() -> None:
    assert not fault_of(400, error(100, None, is_transient=True)).permanent


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"error": 1}', b"\xff", b"7"])
def test_an_answer_without_an_error_body_is_tried_again(body: bytes) -> None:
    fault = fault_of(503, body)
    assert not fault.permanent
    assert "503" in fault.reason


def test_the_messages_of_errors_are_not_stored() -> None:
    body = error(190, 463, message="Session of Ada Lovelace expired", fbtrace_id="A1")
    assert "Ada" not in fault_of(400, body).reason


def test_repeated_keys_of_the_usage_header_all_count() -> None:
    usage = """{"1": [{"estimated_time_to_regain_access": 0}],
                "2": [{"estimated_time_to_regain_access": 25}],
                "2": [{"estimated_time_to_regain_access": 5}]}"""
    assert regain_seconds(usage) == 25 * 60


@pytest.mark.parametrize(
    "usage", [None, "", "nonsense", "[]", "{}", '{"1": 5}', '{"1": [5]}', "7", "null",
              '{"1": [{"estimated_time_to_regain_access": "ten"}]}',
              '{"1": [{"call_count": 100}]}', '[[1, 2]]', "[" * 10**5],
)  # fmt: skip
def test_a_usage_header_that_says_nothing_names_no_wait(usage: str | None) -> None:
    assert regain_seconds(usage) == 0


@pytest.mark.parametrize("minutes", ["1e999", "-5", "NaN", "Infinity", "1e12"])
def test_no_header_can_make_us_wait_for_ever(minutes: str) -> None:
    usage = f'{{"1": [{{"estimated_time_to_regain_access": {minutes}}}]}}'
    assert 0 <= regain_seconds(usage) <= 24 * 3600
