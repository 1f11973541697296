"""Pages' access tokens, sealed to the page that they are for."""

from typing import Final
from uuid import UUID

from services.chassis.sealing import KeyRing, seal, unseal

_TABLE: Final = "pages"


def seal_token(
    ring: KeyRing, token: str, *, org_id: UUID, platform: str, facebook_page_id: str
) -> bytes:
    """The token as the page's row holds it."""
    key = f"{platform}:{facebook_page_id}"
    return seal(ring, token.encode(), table=_TABLE, key=key, org_id=org_id)


def unseal_token(
    ring: KeyRing, sealed: bytes, *, org_id: UUID, platform: str, facebook_page_id: str
) -> str:
    """The token in the row. Raises `SealBroken` for another page's, or one changed since."""
    key = f"{platform}:{facebook_page_id}"
    return unseal(ring, sealed, table=_TABLE, key=key, org_id=org_id).decode()
