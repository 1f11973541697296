"""The webhook fields that a page should send to us, and those that it sends.

Fields: Meta's webhook reference. Instagram has no field of its own for echoes, which come with
messages, nor for edits; only Facebook pages have Lead Ads.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "messenger": frozenset(
        {
            "messages",
            "messaging_postbacks",
            "message_echoes",
            "message_reads",
            "message_deliveries",
            "message_reactions",
            "message_edits",
            "leadgen",
        }
    ),
    "instagram": frozenset(
        {"messages", "messaging_postbacks", "messaging_seen", "message_reactions"}
    ),
}
# Without it webhooks report nothing of a page's conversations, so they have to be pulled.
MESSAGES: Final = "messages"


def fields_of(body: bytes, external_app_id: str) -> frozenset[str]:
    """The fields that the page sends to that app; to any app where ours is not known ('')."""
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    apps = response.get("data") if isinstance(response, dict) else None
    return frozenset(
        field
        for app in (apps if isinstance(apps, list) else [])
        if isinstance(app, dict) and external_app_id in ("", str(app.get("id")))
        for field in _fields(app)
    )


def _fields(app: Mapping[str, Any]) -> Iterator[str]:
    fields = app.get("subscribed_fields")
    if isinstance(fields, list):
        yield from (each for each in fields if isinstance(each, str))
