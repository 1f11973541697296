"""URLs of external calendars, sealed to the row that holds them: whoever has one can read."""

from typing import Final
from uuid import UUID

from services.chassis.sealing import KeyRing, seal, unseal

_TABLE: Final = "imports"


def seal_url(ring: KeyRing, url: str, *, org_id: UUID, import_id: UUID) -> bytes:
    """The URL as its row holds it."""
    return seal(ring, url.encode(), table=_TABLE, key=str(import_id), org_id=org_id)


def unseal_url(ring: KeyRing, sealed: bytes, *, org_id: UUID, import_id: UUID) -> str:
    """The URL in a row. Raises `SealBroken` for another row's, or one changed since."""
    return unseal(ring, sealed, table=_TABLE, key=str(import_id), org_id=org_id).decode()
