"""Endpoints' signing secrets, sealed to the row that holds them."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.chassis.sealing import KeyRing, seal, unseal
from services.chassis.webhook_signatures import SigningSecret
from services.delivery.sending import SealedSecret

_TABLE: Final = "endpoint_secrets"


def seal_secret(
    ring: KeyRing, secret: SigningSecret, *, org_id: UUID, secret_id: UUID
) -> SealedSecret:
    """The secret as its row holds it."""
    text = secret.text.encode()
    ciphertext = seal(ring, text, table=_TABLE, key=str(secret_id), org_id=org_id)
    return SealedSecret(secret_id=secret_id, ciphertext=ciphertext)


def unseal_secret(ring: KeyRing, sealed: SealedSecret, *, org_id: UUID) -> SigningSecret:
    """The secret in a row. Raises `SealBroken` for another row's, or one changed since."""
    text = unseal(ring, sealed.ciphertext, table=_TABLE, key=str(sealed.secret_id), org_id=org_id)
    return SigningSecret.parse(text.decode())


def unseal_secrets(
    ring: KeyRing, sealed: Sequence[SealedSecret], *, org_id: UUID
) -> list[SigningSecret]:
    """All secrets of an endpoint that sign now."""
    return [unseal_secret(ring, one, org_id=org_id) for one in sealed]
