"""Every error of the Graph API has one meaning."""

import json

import pytest

from services.sync.graph_errors import RULES, error_of

CASES = [
    (1, "Please reduce the amount of data you're asking for", False, "reduce"),
    (1, "An unknown error", False, "retry"),
    (2, "", False, "retry"),
    (4, "", False, "pause_app"),
    (341, "", False, "pause_app"),
    (17, "", False, "pause_page"),
    (32, "", False, "pause_page"),
    (613, "", False, "pause_page"),
    (80001, "", False, "pause_page"),
    (80006, "", False, "pause_page"),
    (368, "", False, "pause_page"),
    (190, "", False, "reauth"),
    (102, "", False, "reauth"),
    (10, "", False, "forbidden"),
    (230, "", False, "forbidden"),
    (100, "(#100) The After Cursor specified exceeds the max limit", True, "cursor"),
    (100, "(#100) The After Cursor specified exceeds the max limit", False, "fail"),
    (100, "Unsupported get request", True, "fail"),
    (987654, "", False, "retry"),
]


@pytest.mark.parametrize(("code", "message", "sent_cursor", "action"), CASES)
def test_each_code_has_its_action(code: int, message: str, sent_cursor: bool, action: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    assert error_of(400, body, sent_cursor=sent_cursor).action == action


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"error": 5}', b"[" * 100_000])
def test_what_is_no_error_of_metas_is_tried_again(body: bytes) -> None:
    assert error_of(502, body, sent_cursor=False).action == "retry"
    assert error_of(429, body, sent_cursor=False).action == "pause_page"


def test_a_reason_holds_codes_and_no_text() -> None:
    body = json.dumps({"error": {"code": 190, "error_subcode": 460, "message": "Ada"}}).encode()
    assert error_of(400, body, sent_cursor=False).reason == "graph 400 (190/460)"


def test_whatever_pauses_says_for_how_long() -> None:
    assert all(rule.seconds > 0 for rule in RULES if rule.action.startswith("pause"))
