"""Leads as the Graph emulator keeps them, and the part of one that a call asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

# Source: the official SDK's adobjects/lead.py.
FIELDS = frozenset(
    [
        "ad_id",
        "ad_name",
        "adset_id",
        "adset_name",
        "campaign_id",
        "campaign_name",
        "created_time",
        "custom_disclaimer_responses",
        "field_data",
        "form_id",
        "home_listing",
        "id",
        "is_organic",
        "partner_name",
        "platform",
        "post",
        "post_submission_check_result",
        "retailer_item_id",
        "vehicle",
    ]
)
DEFAULT_FIELDS = ("created_time", "id", "ad_id", "form_id", "field_data")


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a form with all its answers; there may be none."""

    name: str
    values: list[str]


class Disclaimer(msgspec.Struct, frozen=True, kw_only=True):
    """One consent checkbox; the platform says `"1"` or `""`."""

    checkbox_key: str
    is_checked: str


class Lead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lead to be registered; `created_time` in unix seconds, None for what it has not."""

    form_id: str = "700400500600"
    page_id: str = "700100200300"
    created_time: int = 1790000000
    field_data: list[Answered] = []
    custom_disclaimer_responses: list[Disclaimer] | None = None
    ad_id: str | None = None
    ad_name: str | None = None
    adset_id: str | None = None
    adset_name: str | None = None
    campaign_id: str | None = None
    campaign_name: str | None = None
    is_organic: bool | None = None
    partner_name: str | None = None
    platform: str | None = None
    retailer_item_id: str | None = None


def iso_time(unix_seconds: int) -> str:
    """`2026-09-21T14:13:20+0000`: no colon in the offset."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S%z")


def shown(lead_id: str, lead: Lead, fields: Sequence[str]) -> dict[str, Any]:
    """The fields asked for that the lead has, and always its id."""
    whole: dict[str, Any] = msgspec.to_builtins(lead)
    whole |= {"id": lead_id, "created_time": iso_time(lead.created_time)}
    present = {name: whole[name] for name in fields if whole.get(name) is not None}
    return {**present, "id": lead_id}
