"""Keys and tokens of a local run: made at the first start, kept with mode 600.

One Ed25519 key signs all tokens. Services' tokens live an hour and are renewed by the launcher; the
services read the file again.
"""

import base64
import json
import secrets
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.state import State, write_private

ISSUER = "waybill"
AUDIENCE = "waybill"
KEY_ID = "local"
SERVICE_TOKEN_SECONDS = 3600
TENANT_TOKEN_SECONDS = 24 * 3600
# Of the tokens that a start prints for a shell.
PERSON_TOKEN_SECONDS = 30 * 24 * 3600


class Keys:
    """The keys in a state folder."""

    def __init__(self, state: State) -> None:
        self._folder = state.keys
        self._signing = self._signing_key()
        write_private(self.jwks_file, json.dumps(self.jwks()))
        for ring in (self.sealing_file, self.dedupe_file):
            if not ring.exists():
                write_private(ring, new_ring())

    @property
    def jwks_file(self) -> Path:
        """The public keys."""
        return self._folder / "jwks.json"

    @property
    def sealing_file(self) -> Path:
        """The key ring that seals secrets at rest."""
        return self._folder / "sealing.json"

    @property
    def dedupe_file(self) -> Path:
        """The key ring that dedupe hashes are keyed with."""
        return self._folder / "dedupe.json"

    def token_file(self, service: str) -> Path:
        """Where a service finds its own token."""
        return self._folder / f"{service}.jwt"

    def secret(self, name: str) -> str:
        """A secret by name, made when it is first asked for: hex digits."""
        path = self._folder / f"{name}.secret"
        if not path.exists():
            write_private(path, secrets.token_hex(24))
        return path.read_text()

    def jwks(self) -> dict[str, Any]:
        """The public key as a JWKS."""
        public = self._signing.public_key().public_bytes_raw()
        encoded = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
        key = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID}
        return {"keys": [{**key, "x": encoded}]}

    def renew_service_tokens(self, services: list[str]) -> None:
        """Writes a fresh token for each service."""
        for service in services:
            write_private(self.token_file(service), self.service_token(service))

    def service_token(self, service: str, *, seconds: int = SERVICE_TOKEN_SECONDS) -> str:
        """A service_role token of a service, or of the operator."""
        return self._sign({"sub": f"service:{service}", "role": "service_role"}, seconds)

    def tenant_token(
        self, org_id: UUID, *, workspace_id: UUID | None = None, seconds: int = TENANT_TOKEN_SECONDS
    ) -> str:
        """A tenant's token, perhaps narrowed to a workspace."""
        claims = {"sub": "tenant:local", "role": "authenticated", "org_id": str(org_id)}
        if workspace_id is not None:
            claims["workspace_id"] = str(workspace_id)
        return self._sign(claims, seconds)

    def _sign(self, claims: dict[str, str], seconds: int) -> str:
        now = int(time.time())
        full = {**claims, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + seconds}
        return jwt.encode(full, self._signing, algorithm="EdDSA", headers={"kid": KEY_ID})

    def _signing_key(self) -> Ed25519PrivateKey:
        path = self._folder / "signing.pem"
        if not path.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            write_private(path, pem.decode())
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{path} holds no Ed25519 key")
        return key


def new_ring() -> str:
    """A key ring with one fresh key, as the chassis reads it."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return json.dumps({"current": 1, "keys": {"1": key}})
