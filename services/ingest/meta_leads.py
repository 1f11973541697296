"""A lead of Lead Ads, read from the Graph API's response to `GET /{leadgen_id}`.

The lead's phone is the first of the form's answers that `_PHONES` names; `phones.py` reads it.
Every value of an answer is stored, and so are consents, which are not among the answers. Meta sends
a checkbox as "1"/"" or as a bool.
"""

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.ingest.emails import to_address
from services.ingest.phones import to_e164
from services.ingest.records.leads import FormAnswer, IncomingLead, identities_of
from services.ingest.storable_text import clean_text

FIELDS: Final = (
    "id,created_time,ad_id,form_id,field_data,custom_disclaimer_responses,platform,is_organic"
)
_PHONES: Final = ("phone_number", "phone", "work_phone_number", "whatsapp_number")
_EMAILS: Final = ("email", "work_email")


class UnreadableLeadError(Exception):
    """The response is not what the Graph API sends for a lead; the text quotes nothing of it."""


def parse_graph_lead(
    body: bytes,
    *,
    external_id: str,
    source_id: UUID,
    source_kind: str,
    default_region: str,
    received_at: datetime,
) -> IncomingLead:
    """The lead that the response describes. Raises UnreadableLeadError."""
    response = _json_object(body)
    answers = tuple(_answers(response.get("field_data")))
    by_name = {each.name: each.values[0] for each in answers if each.values}
    phone_raw = _first(by_name, _PHONES)
    phone = to_e164(phone_raw, default_region) or ""
    email = to_address(_first(by_name, _EMAILS)) or ""
    return IncomingLead(
        source_id=source_id,
        source_kind=source_kind,
        type="inquiry",
        received_at=received_at,
        identities=identities_of(phone=phone, email=email),
        phone=phone,
        phone_raw=phone_raw,
        email=email,
        full_name=_full_name(by_name),
        answers=answers,
        consents=dict(_consents(response.get("custom_disclaimer_responses"))),
        external_id=external_id,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableLeadError("the Graph API's response is not JSON") from None
    if not isinstance(response, dict) or "id" not in response:
        raise UnreadableLeadError("the Graph API's response names no lead")
    return response


def _answers(field_data: Any) -> list[FormAnswer]:
    fields = field_data if isinstance(field_data, list) else []
    return [
        FormAnswer(name=clean_text(str(field["name"]), 200), values=_values(field.get("values")))
        for field in fields
        if isinstance(field, dict) and field.get("name")
    ]


def _values(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        return ()
    return tuple(clean_text(str(value)) for value in values if value is not None)


def _consents(responses: Any) -> list[tuple[str, bool]]:
    given = responses if isinstance(responses, list) else []
    return [
        (clean_text(str(response["checkbox_key"]), 200), is_checked(response.get("is_checked")))
        for response in given
        if isinstance(response, dict) and response.get("checkbox_key")
    ]


def is_checked(value: Any) -> bool:
    """Whether a checkbox is checked: "1" and true are, "" and "0" are not."""
    if isinstance(value, str):
        return value.strip().lower() in ("1", "true", "yes")
    return value is True or value == 1


def _first(by_name: dict[str, str], names: tuple[str, ...]) -> str:
    return next((by_name[name] for name in names if by_name.get(name)), "")


def _full_name(by_name: dict[str, str]) -> str:
    if full_name := by_name.get("full_name"):
        return clean_text(full_name, 200)
    parts = (by_name.get("first_name", ""), by_name.get("last_name", ""))
    return clean_text(" ".join(part for part in parts if part), 200)
