"""Callers for tests over real channels: a key, its JWKS, tokens of any shape."""

import base64
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER = "waybill"
AUDIENCE = "waybill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key with its id, which signs tokens."""

    key_id: str = "test"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def write_jwks(self, path: Path) -> Path:
        """Writes the public key as a JWKS and answers where."""
        encoded = base64.urlsafe_b64encode(self.key.public_key().public_bytes_raw()).rstrip(b"=")
        key = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": self.key_id}
        path.write_text(json.dumps({"keys": [{**key, "x": encoded.decode()}]}))
        return path

    def token(self, **claims: Any) -> str:
        """A token with these claims; None takes a usual one away."""
        usual = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300, "sub": "somebody"}
        given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(given, self.key, algorithm="EdDSA", headers={"kid": self.key_id})

    def tenant(self, org_id: UUID, workspace_id: UUID | None = None) -> str:
        """A tenant's token, perhaps narrowed to a workspace."""
        narrowed = {"workspace_id": str(workspace_id)} if workspace_id else {}
        return self.token(role="authenticated", org_id=str(org_id), **narrowed)

    def service(self, name: str) -> str:
        """A service's token, or the operator's."""
        return self.token(role="service_role", sub=f"service:{name}")


def bearing(token: str) -> tuple[tuple[str, str], ...]:
    """Metadata that carries the token."""
    return (("authorization", f"Bearer {token}"),)
