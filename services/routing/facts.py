"""What a rule's condition can name, and what of it the decision record may keep."""

from functools import lru_cache
from typing import Any, Final

import phonenumbers
from cel_expr_python import cel

from services.routing.leads import Lead

NAMES: Final = {
    "lead.type": cel.Type.STRING,
    "lead.source_id": cel.Type.STRING,
    "lead.source_kind": cel.Type.STRING,
    "lead.phone_country": cel.Type.STRING,
    "lead.email_domain": cel.Type.STRING,
    "lead.full_name": cel.Type.STRING,
    "lead.details": cel.Type.STRING,
    "lead.has_phone": cel.Type.BOOL,
    "lead.has_email": cel.Type.BOOL,
    "lead.answers": cel.Type.Map(cel.Type.STRING, cel.Type.List(cel.Type.STRING)),
    "lead.consents": cel.Type.Map(cel.Type.STRING, cel.Type.BOOL),
    "lead.received_at": cel.Type.TIMESTAMP,
}


def facts_of(lead: Lead) -> dict[str, Any]:
    """The value of each name for this lead."""
    return {
        "lead.type": lead.type,
        "lead.source_id": str(lead.source_id),
        "lead.source_kind": lead.source_kind,
        "lead.phone_country": phone_country(lead.phone),
        "lead.email_domain": email_domain(lead.email),
        "lead.full_name": lead.full_name,
        "lead.details": lead.details,
        "lead.has_phone": bool(lead.phone),
        "lead.has_email": bool(lead.email),
        "lead.answers": answers_by_name(lead),
        "lead.consents": dict(lead.consents),
        "lead.received_at": lead.received_at,
    }


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


# A lead's phone is looked at for its facts, then for its record.
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
