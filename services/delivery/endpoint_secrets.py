"""Endpoints' signing secrets, sealed to the row that holds them."""

from collections.abc import Iterable
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.sealing import KeyRing, SealedColumn
from services.chassis.webhook_signatures import SigningSecret
from services.delivery.records import SealedSecret


class EndpointSecrets:
    """Generates, seals and opens signing secrets."""

    def __init__(self, ring: KeyRing) -> None:
        self._column = SealedColumn(ring, table="endpoint_secrets", column="ciphertext")

    def generate(self, org_id: UUID) -> SealedSecret:
        """A new secret, as its row will hold it."""
        secret_id, secret = new_id(), SigningSecret.generate()
        ciphertext = self._column.seal(org_id, secret_id, secret.text)
        return SealedSecret(secret_id=secret_id, ciphertext=ciphertext)

    def open(self, org_id: UUID, sealed: SealedSecret) -> SigningSecret:
        """The secret in a row. Raises `SealBroken` for another row's, or one changed since."""
        return SigningSecret.parse(self._column.open(org_id, sealed.secret_id, sealed.ciphertext))

    def open_all(self, org_id: UUID, sealed: Iterable[SealedSecret]) -> list[SigningSecret]:
        """The secrets in rows."""
        return [self.open(org_id, one) for one in sealed]
