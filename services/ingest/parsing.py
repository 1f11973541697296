"""What ingest's RPCs ask, parsed: all that is wrong with a request is said together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.errors import DomainError, Violation, invalid
from services.chassis.page_tokens import decode
from services.ingest.leads import TYPES, Message, NewLead, identities
from services.ingest.phones import is_region, to_e164
from services.ingest.text import clean
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadRequest,
    CreateOrgRequest,
    CreateSourceRequest,
)

NAME_CHARACTERS_MAX: Final = 200
DETAILS_CHARACTERS_MAX: Final = 10_000
SOURCE_KINDS: Final = ("meta_page", "instagram_account", "whatsapp_number", "form")
ITEM_STATUSES: Final = (
    "pending", "processing", "failed", "stored", "duplicate", "ignored", "dead_letter",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceToCreate:
    """A source as asked for."""

    kind: str
    external_id: str
    name: str
    default_region: str
    access_token: str


def check_org(request: CreateOrgRequest) -> None:
    """Refuses an org whose name or region will not do."""
    _refuse_any(
        _too_long("name", request.name, NAME_CHARACTERS_MAX),
        _no_region(request.default_region),
    )


def parse_source(request: CreateSourceRequest) -> SourceToCreate:
    """The source to create."""
    kinds = ", ".join(SOURCE_KINDS)
    _refuse_any(
        None
        if request.kind in SOURCE_KINDS
        else Violation(field="kind", description=f"is not one of {kinds}"),
        _too_long("external_id", request.external_id, NAME_CHARACTERS_MAX),
        _too_long("name", request.name, NAME_CHARACTERS_MAX),
        _too_long("access_token", request.access_token, 2000),
        _no_region(request.default_region),
    )
    return SourceToCreate(
        kind=request.kind,
        external_id=request.external_id.strip(),
        name=clean(request.name),
        default_region=request.default_region,
        access_token=request.access_token,
    )


def parse_lead(
    request: CreateLeadRequest, *, source_id: UUID, default_region: str, now: datetime
) -> NewLead:
    """The lead that a caller has."""
    phone = to_e164(request.customer_phone, default_region)
    types = ", ".join(TYPES)
    _refuse_any(
        None
        if phone
        else Violation(field="customer_phone", description="is not a valid phone number"),
        None
        if request.type in TYPES
        else Violation(field="type", description=f"is not one of {types}"),
        _too_long("customer_name", request.customer_name, NAME_CHARACTERS_MAX),
        _too_long("details", request.details, DETAILS_CHARACTERS_MAX),
    )
    details = clean(request.details)
    return NewLead(
        source_id=source_id,
        source_kind="api",
        type=request.type,
        received_at=now,
        identities=identities(phone=phone),
        phone=phone or "",
        phone_raw=clean(request.customer_phone, 100),
        full_name=clean(request.customer_name),
        details=details,
        message=Message(body=details) if details else None,
    )


def parse_item_status(status: str) -> str | None:
    """The status to list; None: all."""
    if status and status not in ITEM_STATUSES:
        wrong = f"is not one of {', '.join(ITEM_STATUSES)}"
        raise invalid(Violation(field="status", description=wrong))
    return status or None


def parse_position(page_token: str, scope: str) -> UUID | None:
    """The id where the last page ended. Raises PAGE_TOKEN_REFUSED."""
    if not page_token:
        return None
    try:
        return UUID(decode(page_token, scope=scope)[0])
    except (ValueError, IndexError):
        text = "The page token belongs to another list. Start at the first page."
        raise DomainError("PAGE_TOKEN_REFUSED", text) from None


def _refuse_any(*violations: Violation | None) -> None:
    found = [violation for violation in violations if violation is not None]
    if found:
        raise invalid(*found)


def _too_long(field: str, text: str, characters_max: int) -> Violation | None:
    if len(text) <= characters_max:
        return None
    return Violation(field=field, description=f"has more than {characters_max} characters")


def _no_region(region: str) -> Violation | None:
    if is_region(region):
        return None
    return Violation(field="default_region", description="is not an ISO 3166 country code (DE)")
