"""What rules can name, and what the record keeps of it."""

import msgspec
import pytest

from services.routing.facts import answers_by_name, email_domain, inputs_of, phone_country
from services.routing.leads import Answer
from services.routing.offers import offer_payload
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
        Answer(name="size", values=("S",)),
        Answer(name="color", values=()),
        Answer(name="size", values=("L",)),
    )
    assert answers_by_name(a_lead(answers=answers)) == {"size": ["S", "L"], "color": []}


def test_the_record_of_a_decision_holds_no_personal_data() -> None:
    lead = a_lead(answers=(Answer(name="street", values=("Baker Street",)),))
    text = msgspec.json.encode(inputs_of(lead)).decode()
    assert '"answer_names":["street"]' in text
    for personal in (lead.phone, lead.email, "example.com", lead.full_name, lead.details, "Baker"):
        assert personal not in text


def test_a_buyer_receives_the_whole_lead() -> None:
    lead = a_lead(answers=(Answer(name="size", values=("L",)),), consents={"calls": True})
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
