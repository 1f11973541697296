"""Orgs, Meta's apps with their secrets, and the sources that input comes from."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgToCreate:
    """An org as a request asks for it."""

    name: str
    default_region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedOrg:
    """The org that was made, and its source of kind 'api'."""

    org_id: UUID
    source_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AppToRegister:
    """An app as a request asks for it."""

    external_app_id: str
    secret: str
    verify_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAppSecret:
    """A signing secret or a verify token of an app, sealed."""

    app_id: UUID
    kind: str
    ciphertext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceToCreate:
    """A source as a request asks for it."""

    kind: str
    external_id: str
    name: str
    default_region: str
    access_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """What changes about a source; None leaves it as it is."""

    source_id: UUID
    name: str | None
    default_region: str | None
    access_token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSource:
    """A source as it is listed."""

    source_id: UUID
    kind: str
    external_id: str
    name: str
    default_region: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSource:
    """A source of kind 'api', and the region that its phone numbers without a prefix are of."""

    source_id: UUID
    default_region: str
