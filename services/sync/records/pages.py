"""Facebook pages and Instagram accounts: to connect, as listed, and to check."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PageToConnect:
    """A page and its token, as a request names them."""

    platform: str
    facebook_page_id: str
    name: str
    access_token: str
    external_app_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FacebookPage:
    """A page with its health; `platform` "instagram" is an account there."""

    page_id: UUID
    platform: str
    facebook_page_id: str
    name: str
    token_status: str
    token_error: str | None
    subscription_status: str
    subscription_error: str | None
    last_webhook_at: datetime | None
    last_synced_at: datetime | None
    blocked_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PageToCheck:
    """A page whose health is due to be checked."""

    org_id: UUID
    page_id: UUID
    platform: str
    facebook_page_id: str
    external_app_id: str
    access_token_ciphertext: bytes | None
    last_webhook_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCredentials:
    """What a call of the Graph API for a page needs."""

    platform: str
    facebook_page_id: str
    token: str
