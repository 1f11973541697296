"""What rules can name, and what the record keeps of it."""

import msgspec
import pytest

from services.routing.facts import (
    ANSWER_CHARACTERS_MAX,
    ANSWER_VALUES_MAX,
    ANSWERS_CHARACTERS_MAX,
    ANSWERS_MAX,
    DETAILS_CHARACTERS_MAX,
    FULL_NAME_CHARACTERS_MAX,
    answers_by_name,
    email_domain,
    facts_of,
    inputs_of,
    phone_country,
    worst_facts,
)
from services.routing.offers import offer_payload
from services.routing.records import LeadAnswer
from tests.unit.routing.builders import a_lead


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+4915112345678", "DE"),
        ("+12125550123", "US"),
        ("+14165550123", "CA"),
        ("", ""),
        ("nonsense", ""),
        ("+999123", ""),
    ],
)
def test_the_country_of_a_phone(phone: str, country: str) -> None:
    assert phone_country(phone) == country


@pytest.mark.parametrize(
    ("email", "domain"), [("ada@Example.com", "example.com"), ('"a@b"@c.de', "c.de"), ("", "")]
)
def test_the_domain_of_an_email(email: str, domain: str) -> None:
    assert email_domain(email) == domain


def test_a_question_that_comes_twice_keeps_all_its_values() -> None:
    answers = (
        LeadAnswer(name="size", values=("S",)),
        LeadAnswer(name="color", values=()),
        LeadAnswer(name="size", values=("L",)),
    )
    assert answers_by_name(a_lead(answers=answers)) == {"size": ["S", "L"], "color": []}


def test_conditions_see_the_beginning_of_what_is_long() -> None:
    values = tuple("v" * 10_000 for _ in range(100))
    lead = a_lead(
        full_name="n" * 10_000,
        details="d" * 10_000,
        email="ada@" + "e" * 10_000,
        answers=tuple(
            LeadAnswer(name=f"{number:04}" * 1000, values=values) for number in range(100)
        ),
        consents={str(number): True for number in range(100)},
    )
    facts = facts_of(lead)
    assert facts["lead.full_name"] == "n" * FULL_NAME_CHARACTERS_MAX
    assert facts["lead.details"] == "d" * DETAILS_CHARACTERS_MAX
    assert facts["lead.email_domain"] == "e" * 255
    assert len(facts["lead.consents"]) == ANSWERS_MAX
    assert len(facts["lead.answers"]) == ANSWERS_MAX
    shown = ["v" * ANSWER_CHARACTERS_MAX] * ANSWER_VALUES_MAX
    assert facts["lead.answers"]["0000" * (ANSWER_CHARACTERS_MAX // 4)] == shown
    all_values = [value for values in facts["lead.answers"].values() for value in values]
    assert len(all_values) == ANSWERS_MAX * ANSWER_VALUES_MAX
    assert len("".join(all_values)) == ANSWERS_CHARACTERS_MAX
    assert offer_payload(lead)["details"] == lead.details


def test_the_worst_lead_has_every_answer_that_a_condition_asks_for() -> None:
    asked = """lead.answers.size[0] == "a" && lead.answers["what else?"][1] == "b"
        && lead.consents['news'] && "size" in lead.answers"""
    facts = worst_facts(asked)
    assert {"size", "what else?", "news"} < facts["lead.answers"].keys()
    assert facts["lead.consents"].keys() == facts["lead.answers"].keys()
    assert len(facts["lead.answers"]) == ANSWERS_MAX


def test_the_record_of_a_decision_holds_no_personal_data() -> None:
    lead = a_lead(answers=(LeadAnswer(name="street", values=("Baker Street",)),))
    text = msgspec.json.encode(inputs_of(lead)).decode()
    assert '"answer_names":["street"]' in text
    for personal in (lead.phone, lead.email, "example.com", lead.full_name, lead.details, "Baker"):
        assert personal not in text


def test_a_buyer_receives_the_whole_lead() -> None:
    lead = a_lead(answers=(LeadAnswer(name="size", values=("L",)),), consents={"calls": True})
    assert offer_payload(lead) == {
        "lead_id": str(lead.lead_id),
        "type": "order",
        "customer": {"name": "Ada Lovelace", "phone": "+4915112345678", "email": "ada@example.com"},
        "details": "An engine, please",
        "answers": {"size": ["L"]},
        "consents": {"calls": True},
        "received_at": "2026-11-20T12:00:00+00:00",
        "source_id": str(lead.source_id),
    }
