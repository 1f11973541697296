"""A lead's answers: every value kept, consents kept, nothing guessed."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.ingest.meta_leads import FIELDS, UnreadableLeadError, is_checked, parse_graph_lead
from services.ingest.records.leads import ContactIdentity, FormAnswer, IncomingLead

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def parsed(answer: Any, *, region: str = "DE") -> IncomingLead:
    return parse_graph_lead(
        json.dumps(answer).encode(),
        external_id="900100",
        source_id=uuid4(),
        source_kind="meta_page",
        default_region=region,
        received_at=NOW,
    )


def fields(*pairs: tuple[Any, Any], **more: Any) -> dict[str, Any]:
    data = [{"name": name, "values": values} for name, values in pairs]
    return {"id": "900100", "created_time": "2026-11-20T11:59:00+0000", "field_data": data, **more}


def test_every_value_of_an_answer_is_kept() -> None:
    lead = parsed(fields(("models", ["Honda", "Kia", "Škoda"]), ("city", ["Köln"])))
    assert lead.answers == (
        FormAnswer(name="models", values=("Honda", "Kia", "Škoda")),
        FormAnswer(name="city", values=("Köln",)),
    )


@pytest.mark.parametrize("values", [[], None, "text", {"a": 1}, 5])
def test_an_answer_without_values_is_kept_empty(values: Any) -> None:
    lead = parsed(fields(("email", values), ("phone_number", values)))
    assert [answer.values for answer in lead.answers] == [(), ()]
    assert (lead.email, lead.phone, lead.identities) == ("", "", ())


def test_answers_that_are_no_answers_are_left_out() -> None:
    answer = fields(("ok", ["1", None, 2]))
    answer["field_data"] += ["x", {"values": ["y"]}, {"name": "", "values": []}, None]
    assert parsed(answer).answers == (FormAnswer(name="ok", values=("1", "2")),)


@pytest.mark.parametrize("data", [None, "x", {}, 7])
def test_a_lead_without_answers_is_a_lead(data: Any) -> None:
    lead = parsed({"id": "1", "field_data": data})
    assert lead.answers == ()
    assert lead.external_id == "900100"


def test_consents_are_kept_and_the_empty_text_is_no() -> None:
    responses = [
        {"checkbox_key": "newsletter", "is_checked": "1"},
        {"checkbox_key": "partners", "is_checked": ""},
        {"checkbox_key": "calls", "is_checked": True},
        {"checkbox_key": "letters", "is_checked": False},
        {"checkbox_key": "absent"},
        {"is_checked": "1"},
        "nonsense",
    ]
    lead = parsed(fields(("city", ["Köln"]), custom_disclaimer_responses=responses))
    assert lead.consents == {
        "newsletter": True,
        "partners": False,
        "calls": True,
        "letters": False,
        "absent": False,
    }
    assert "custom_disclaimer_responses" in FIELDS


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("", False), ("0", False), ("true", True), ("TRUE", True), ("false", False),
     (True, True), (False, False), (1, True), (0, False), (None, False), ([], False),
     ("on?", False)],
)  # fmt: skip
def test_a_checkbox_is_checked_only_by_what_says_so(value: Any, expected: bool) -> None:
    assert is_checked(value) is expected


def test_phone_and_mail_become_identities_and_the_raw_phone_stays() -> None:
    lead = parsed(fields(("phone_number", ["0171 2345678"]), ("email", [" Ada@Example.COM "])))
    assert (lead.phone, lead.phone_raw, lead.email) == (
        "+491712345678",
        "0171 2345678",
        "ada@example.com",
    )
    assert lead.identities == (
        ContactIdentity(kind="phone", value="+491712345678"),
        ContactIdentity(kind="email", value="ada@example.com"),
    )


def test_an_unreadable_phone_or_mail_keeps_the_lead() -> None:
    lead = parsed(fields(("phone_number", ["call me"]), ("email", ["not a mail"])))
    assert (lead.phone, lead.phone_raw, lead.email, lead.identities) == ("", "call me", "", ())
    assert [answer.values for answer in lead.answers] == [("call me",), ("not a mail",)]


def test_a_name_comes_whole_or_in_parts() -> None:
    assert parsed(fields(("full_name", ["Ada Lovelace"]))).full_name == "Ada Lovelace"
    parts = fields(("first_name", ["Ada"]), ("last_name", ["Lovelace"]))
    assert parsed(parts).full_name == "Ada Lovelace"
    assert parsed(fields(("last_name", ["Lovelace"]))).full_name == "Lovelace"


def test_text_that_no_column_takes_is_cleaned() -> None:
    lead = parsed(fields(("na\0me", ["a\0b\ud800"])))
    assert lead.answers == (FormAnswer(name="name", values=("ab?",)),)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"null", b"{}", b"<html>", b"\xff", b"[" * 10**5]
)
def test_what_is_not_a_lead_is_unreadable_and_not_quoted(body: bytes) -> None:
    with pytest.raises(UnreadableLeadError) as caught:
        parse_graph_lead(
            body,
            external_id="1",
            source_id=uuid4(),
            source_kind="meta_page",
            default_region="DE",
            received_at=NOW,
        )
    assert "html" not in str(caught.value)
