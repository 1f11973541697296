"""Which facts of a lead a rule's condition sees, and which of them the decision record keeps.

Conditions see the beginning of what is long: what they cost grows with what they see.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final
from uuid import UUID

import phonenumbers

from services.routing.records import Lead

FULL_NAME_CHARACTERS_MAX: Final = 200
DETAILS_CHARACTERS_MAX: Final = 2_000
ANSWERS_MAX: Final = 50
ANSWER_VALUES_MAX: Final = 20
ANSWER_CHARACTERS_MAX: Final = 200
ANSWERS_CHARACTERS_MAX: Final = 20_000
EMAIL_DOMAIN_CHARACTERS_MAX: Final = 255
# What a condition names in the maps: lead.answers.size, lead.consents["newsletter"].
_NAMED: Final = re.compile(
    r"""\b(?:answers|consents)\s*(?:\.\s*(\w+)|\[\s*"([^"]+)"|\[\s*'([^']+)')"""
)


def facts_of(lead: Lead) -> dict[str, Any]:
    """The value of each name for this lead."""
    return {
        "lead.type": lead.type,
        "lead.source_id": str(lead.source_id),
        "lead.source_kind": lead.source_kind,
        "lead.phone_country": phone_country(lead.phone),
        "lead.email_domain": email_domain(lead.email)[:EMAIL_DOMAIN_CHARACTERS_MAX],
        "lead.full_name": lead.full_name[:FULL_NAME_CHARACTERS_MAX],
        "lead.details": lead.details[:DETAILS_CHARACTERS_MAX],
        "lead.has_phone": bool(lead.phone),
        "lead.has_email": bool(lead.email),
        "lead.answers": _shortened(answers_by_name(lead)),
        "lead.consents": dict(islice(lead.consents.items(), ANSWERS_MAX)),
        "lead.received_at": lead.received_at,
    }


def worst_facts(condition: str) -> dict[str, Any]:
    """As much as a condition can see, under every name that it uses."""
    named = list(dict.fromkeys("".join(found) for found in _NAMED.findall(condition)))
    names = (named + [f"question {number}" for number in range(ANSWERS_MAX)])[:ANSWERS_MAX]
    values = ["a" * ANSWER_CHARACTERS_MAX] * ANSWER_VALUES_MAX
    return {
        "lead.type": "appointment",
        "lead.source_id": str(UUID(int=0)),
        "lead.source_kind": "whatsapp_number",
        "lead.phone_country": "DE",
        "lead.email_domain": "a" * EMAIL_DOMAIN_CHARACTERS_MAX,
        "lead.full_name": "a" * FULL_NAME_CHARACTERS_MAX,
        "lead.details": "a" * DETAILS_CHARACTERS_MAX,
        "lead.has_phone": True,
        "lead.has_email": True,
        "lead.answers": _shortened(dict.fromkeys(names, values)),
        "lead.consents": dict.fromkeys(names, True),
        "lead.received_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def _shortened(answers: dict[str, list[str]]) -> dict[str, list[str]]:
    shortened: dict[str, list[str]] = {}
    characters_left = ANSWERS_CHARACTERS_MAX
    for name, values in islice(answers.items(), ANSWERS_MAX):
        short = shortened.setdefault(name[:ANSWER_CHARACTERS_MAX], [])
        for value in values[:ANSWER_VALUES_MAX]:
            short.append(value[: min(ANSWER_CHARACTERS_MAX, characters_left)])
            characters_left -= len(short[-1])
    return shortened


def inputs_of(lead: Lead) -> dict[str, Any]:
    """What a decision rested on, without personal data: no values of answers, no text."""
    return {
        "type": lead.type,
        "source_id": str(lead.source_id),
        "source_kind": lead.source_kind,
        "phone_country": phone_country(lead.phone),
        "has_phone": bool(lead.phone),
        "has_email": bool(lead.email),
        "answer_names": sorted(answers_by_name(lead)),
        "consents": dict(lead.consents),
        "received_at": lead.received_at.isoformat(),
    }


# Read twice for each lead: for its facts, and for its record.
@lru_cache(maxsize=256)
def phone_country(phone: str) -> str:
    """ISO 3166 region of a phone in E.164 ("DE"); empty where there is none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone, None)) or ""
    except phonenumbers.NumberParseException:
        return ""


def email_domain(email: str) -> str:
    """What follows the last @, lower-case; empty where there is none."""
    return email.rpartition("@")[2].lower() if "@" in email else ""


def answers_by_name(lead: Lead) -> dict[str, list[str]]:
    """Every value by the question's key; a key that comes twice keeps the values of both."""
    by_name: dict[str, list[str]] = {}
    for answer in lead.answers:
        by_name.setdefault(answer.name, []).extend(answer.values)
    return by_name
