"""Pages' access tokens: sealed to their page in the row, opened for calls."""

from typing import Protocol
from uuid import UUID

from services.chassis.sealing import KeyRing, SealBroken, SealedColumn
from services.sync.records.pages import PageCredentials


class PageWithToken(Protocol):
    """A page's row, as far as its token needs it."""

    @property
    def org_id(self) -> UUID:
        """The tenant."""

    @property
    def platform(self) -> str:
        """Either "messenger" or "instagram"."""

    @property
    def facebook_page_id(self) -> str:
        """Meta's id of the page."""

    @property
    def access_token_ciphertext(self) -> bytes | None:
        """The sealed token, or None."""


class PageTokens:
    """Seals and opens tokens of pages."""

    def __init__(self, ring: KeyRing) -> None:
        self._column = SealedColumn(ring, table="pages", column="access_token_ciphertext")

    def seal(self, org_id: UUID, *, platform: str, facebook_page_id: str, token: str) -> bytes:
        """The token as the page's row holds it."""
        return self._column.seal(org_id, f"{platform}:{facebook_page_id}", token)

    def credentials(self, page: PageWithToken) -> PageCredentials:
        """What calls for the page need.

        Raises `SealBroken` where the page has no token, another page's, or one changed since.
        """
        if page.access_token_ciphertext is None:
            raise SealBroken("the page has no token")
        key = f"{page.platform}:{page.facebook_page_id}"
        token = self._column.open(page.org_id, key, page.access_token_ciphertext)
        return PageCredentials(
            platform=page.platform, facebook_page_id=page.facebook_page_id, token=token
        )
