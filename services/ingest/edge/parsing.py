"""Requests as records: all violations of a request are refused together."""

from datetime import datetime
from typing import Final

from services.chassis.fields import NAME_CHARACTERS_MAX
from services.ingest.edge.fields import SECRET_CHARACTERS_MAX, IngestFields
from services.ingest.records.leads import (
    LEAD_TYPES,
    IncomingLead,
    IncomingMessage,
    identities_of,
)
from services.ingest.records.sources import (
    ApiSource,
    AppToRegister,
    OrgToCreate,
    SourceChange,
    SourceToCreate,
)
from services.ingest.records.webhooks import ITEM_STATUSES, OrphanSource
from services.ingest.storable_text import clean_text
from waybill.ingest.v1 import ingest_service_pb2 as pb

PHONE_CHARACTERS_MAX: Final = 100
DETAILS_CHARACTERS_MAX: Final = 10_000
# The kinds that webhooks name.
WEBHOOK_SOURCE_KINDS: Final = ("meta_page", "instagram_account", "whatsapp_number")
SOURCE_KINDS: Final = (*WEBHOOK_SOURCE_KINDS, "form")


def parse_org(request: pb.CreateOrgRequest) -> OrgToCreate:
    """The org to create."""
    fields = IngestFields()
    org = OrgToCreate(
        name=fields.name("name", request.name),
        default_region=fields.region("default_region", request.default_region),
    )
    fields.done()
    return org


def parse_app(request: pb.RegisterAppRequest) -> AppToRegister:
    """The app to register."""
    fields = IngestFields()
    app = AppToRegister(
        external_app_id=fields.name("external_app_id", request.external_app_id),
        secret=fields.text("secret", request.secret, SECRET_CHARACTERS_MAX),
        verify_token=fields.text("verify_token", request.verify_token, SECRET_CHARACTERS_MAX),
    )
    fields.done()
    return app


def parse_external_app_id(request: pb.RetireAppSecretsRequest) -> str:
    """The app's id at Meta."""
    fields = IngestFields()
    external_app_id = fields.name("external_app_id", request.external_app_id)
    fields.done()
    return external_app_id


def parse_source(request: pb.CreateSourceRequest) -> SourceToCreate:
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


def parse_source_change(request: pb.UpdateSourceRequest) -> SourceChange:
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


def parse_lead(request: pb.CreateLeadRequest, source: ApiSource, *, now: datetime) -> IncomingLead:
    """The lead that a caller sends; its phone is read in the default region of the API source."""
    fields = IngestFields()
    phone = fields.phone("customer_phone", request.customer_phone, source.default_region)
    details = fields.text("details", request.details, DETAILS_CHARACTERS_MAX)
    lead = IncomingLead(
        source_id=source.source_id,
        source_kind="api",
        type=fields.one_of("type", request.type, LEAD_TYPES),
        received_at=now,
        identities=identities_of(phone=phone),
        phone=phone,
        phone_raw=clean_text(request.customer_phone, PHONE_CHARACTERS_MAX),
        full_name=fields.text("customer_name", request.customer_name, NAME_CHARACTERS_MAX),
        details=details,
        message=IncomingMessage(body=details) if details else None,
    )
    fields.done()
    return lead


def parse_item_status(status: str) -> str | None:
    """The status of the items to list; None: all."""
    fields = IngestFields()
    if status:
        fields.one_of("status", status, ITEM_STATUSES)
    fields.done()
    return status or None


def parse_orphan_filter(request: pb.ListWebhookOrphansRequest) -> OrphanSource:
    """The source whose orphans are listed; None: all."""
    fields = IngestFields()
    if request.source_kind:
        fields.one_of("source_kind", request.source_kind, WEBHOOK_SOURCE_KINDS)
    source = OrphanSource(
        kind=request.source_kind or None,
        external_id=fields.text(
            "source_external_id", request.source_external_id, NAME_CHARACTERS_MAX
        )
        or None,
    )
    fields.done()
    return source


def parse_orphan_source(request: pb.ReplayWebhookOrphansRequest) -> OrphanSource:
    """The source whose orphans are replayed."""
    fields = IngestFields()
    source = OrphanSource(
        kind=fields.one_of("source_kind", request.source_kind, WEBHOOK_SOURCE_KINDS),
        external_id=fields.name("source_external_id", request.source_external_id),
    )
    fields.done()
    return source
