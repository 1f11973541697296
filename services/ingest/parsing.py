"""What ingest's RPCs ask, parsed: all that is wrong with a request is said together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.fields import NAME_CHARACTERS_MAX, Fields
from services.ingest.leads import TYPES, Message, NewLead, identities
from services.ingest.phones import is_region, to_e164
from services.ingest.store.orphans import OrphanSource
from services.ingest.text import clean
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadRequest,
    CreateOrgRequest,
    CreateSourceRequest,
    ListWebhookOrphansRequest,
    RegisterAppRequest,
    ReplayWebhookOrphansRequest,
    RetireAppSecretsRequest,
    UpdateSourceRequest,
)

PHONE_CHARACTERS_MAX: Final = 100
SECRET_CHARACTERS_MAX: Final = 2_000
DETAILS_CHARACTERS_MAX: Final = 10_000
SOURCE_KINDS: Final = ("meta_page", "instagram_account", "whatsapp_number", "form")
# Those that webhooks name.
ORPHAN_SOURCE_KINDS: Final = ("meta_page", "instagram_account", "whatsapp_number")
ITEM_STATUSES: Final = (
    "pending", "processing", "failed", "stored", "duplicate", "ignored", "dead_letter",
)  # fmt: skip


class IngestFields(Fields):
    """Fields with what ingest knows of phones and regions."""

    def phone(self, field: str, text: str, default_region: str) -> str:
        """The phone in E.164."""
        phone = to_e164(text, default_region)
        if phone is None:
            self.refuse(field, "is not a valid phone number")
        return phone or ""

    def region(self, field: str, text: str) -> str:
        """The ISO 3166 code of a country."""
        if not is_region(text):
            self.refuse(field, "is not an ISO 3166 country code (DE)")
        return text

    def secret(self, field: str, text: str) -> str:
        """A secret: at least one character."""
        if not text.strip():
            self.refuse(field, "is blank")
        return self.text(field, text, SECRET_CHARACTERS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgToCreate:
    """An org as asked for."""

    name: str
    default_region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppToRegister:
    """An app as asked for."""

    external_app_id: str
    secret: str
    verify_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceToCreate:
    """A source as asked for."""

    kind: str
    external_id: str
    name: str
    default_region: str
    access_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """What becomes different about a source; None leaves it as it is."""

    source_id: UUID
    name: str | None
    default_region: str | None
    access_token: str | None


def parse_org(request: CreateOrgRequest) -> OrgToCreate:
    """The org to create."""
    fields = IngestFields()
    org = OrgToCreate(
        name=fields.name("name", request.name),
        default_region=fields.region("default_region", request.default_region),
    )
    fields.done()
    return org


def parse_app(request: RegisterAppRequest) -> AppToRegister:
    """The app to register."""
    fields = IngestFields()
    app = AppToRegister(
        external_app_id=fields.name("external_app_id", request.external_app_id),
        secret=fields.text("secret", request.secret, SECRET_CHARACTERS_MAX),
        verify_token=fields.text("verify_token", request.verify_token, SECRET_CHARACTERS_MAX),
    )
    fields.done()
    return app


def parse_retired_app(request: RetireAppSecretsRequest) -> str:
    """The app's id at Meta."""
    fields = IngestFields()
    external_app_id = fields.name("external_app_id", request.external_app_id)
    fields.done()
    return external_app_id


def parse_source(request: CreateSourceRequest) -> SourceToCreate:
    """The source to create."""
    fields = IngestFields()
    source = SourceToCreate(
        kind=fields.one_of("kind", request.kind, SOURCE_KINDS),
        external_id=fields.name("external_id", request.external_id),
        name=fields.text("name", request.name, NAME_CHARACTERS_MAX),
        default_region=fields.region("default_region", request.default_region),
        access_token=fields.text("access_token", request.access_token, SECRET_CHARACTERS_MAX),
    )
    fields.done()
    return source


def parse_source_change(request: UpdateSourceRequest) -> SourceChange:
    """The change of a source."""
    fields = IngestFields()
    change = SourceChange(
        source_id=fields.uuid("source_id", request.source_id),
        name=(
            fields.text("name", request.name, NAME_CHARACTERS_MAX)
            if request.HasField("name")
            else None
        ),
        default_region=(
            fields.region("default_region", request.default_region)
            if request.HasField("default_region")
            else None
        ),
        access_token=(
            fields.secret("access_token", request.access_token)
            if request.HasField("access_token")
            else None
        ),
    )
    fields.done()
    return change


def parse_lead(
    request: CreateLeadRequest, *, source_id: UUID, default_region: str, now: datetime
) -> NewLead:
    """The lead that a caller has."""
    fields = IngestFields()
    phone = fields.phone("customer_phone", request.customer_phone, default_region)
    details = fields.text("details", request.details, DETAILS_CHARACTERS_MAX)
    lead = NewLead(
        source_id=source_id,
        source_kind="api",
        type=fields.one_of("type", request.type, TYPES),
        received_at=now,
        identities=identities(phone=phone),
        phone=phone,
        phone_raw=clean(request.customer_phone, PHONE_CHARACTERS_MAX),
        full_name=fields.text("customer_name", request.customer_name, NAME_CHARACTERS_MAX),
        details=details,
        message=Message(body=details) if details else None,
    )
    fields.done()
    return lead


def parse_item_status(status: str) -> str | None:
    """The status to list; None: all."""
    fields = IngestFields()
    if status:
        fields.one_of("status", status, ITEM_STATUSES)
    fields.done()
    return status or None


def parse_orphan_filter(request: ListWebhookOrphansRequest) -> OrphanSource:
    """Whose orphans to list; None: all."""
    fields = IngestFields()
    if request.source_kind:
        fields.one_of("source_kind", request.source_kind, ORPHAN_SOURCE_KINDS)
    source = OrphanSource(
        kind=request.source_kind or None,
        external_id=fields.text(
            "source_external_id", request.source_external_id, NAME_CHARACTERS_MAX
        )
        or None,
    )
    fields.done()
    return source


def parse_orphan_source(request: ReplayWebhookOrphansRequest) -> OrphanSource:
    """Whose orphans to replay."""
    fields = IngestFields()
    source = OrphanSource(
        kind=fields.one_of("source_kind", request.source_kind, ORPHAN_SOURCE_KINDS),
        external_id=fields.name("source_external_id", request.source_external_id),
    )
    fields.done()
    return source
