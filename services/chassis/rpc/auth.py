"""The caller of an RPC, and what it may call.

Tokens are JWTs (EdDSA or RS256) with `role` ("authenticated" or "service_role"), `sub`, and for
tenants `org_id` and perhaps `workspace_id`. The edge verifies them and so does every service. Each
service has a method table (`access.py`); what is not in it is refused.
"""

import json
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt

from services.chassis.errors import DomainError
from services.chassis.rpc.token_times import USUAL_LIFETIMES, Lifetimes, time_problem
from services.chassis.rpc.verified_tokens import VerifiedTokens
from services.chassis.telemetry import log

AUTHENTICATED: Final = "authenticated"
SERVICE_ROLE: Final = "service_role"
_ALGORITHMS: Final = ["EdDSA", "RS256"]
_SERVICE_PREFIX: Final = "service:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A tenant (`org_id`, perhaps narrowed to `workspace_id`), or a service by name."""

    subject: str
    role: str
    org_id: UUID | None = None
    workspace_id: UUID | None = None

    @property
    def service(self) -> str | None:
        """The calling service's name ("routing", "operator"), or None for a tenant."""
        if self.role != SERVICE_ROLE or not self.subject.startswith(_SERVICE_PREFIX):
            return None
        return self.subject.removeprefix(_SERVICE_PREFIX)

    @property
    def org(self) -> UUID:
        """The tenant's org; methods that only tenants may call rely on it."""
        if self.org_id is None:
            raise _refused("the token names no org_id")
        return self.org_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may call a method: tenants, their workspace tokens too, and services by name."""

    tenants: bool = False
    workspace_tokens: bool = False
    services: frozenset[str] = frozenset()

    def admits(self, caller: Caller) -> bool:
        """Whether the caller may call it."""
        if caller.role == SERVICE_ROLE:
            return caller.service in self.services
        return self.tenants and (caller.workspace_id is None or self.workspace_tokens)


AccessTable = Mapping[str, Access]
NOT_LISTED: Final = Access()
"""What a method that is not in the table admits: no caller."""
_caller: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """The caller of the RPC that is being handled."""
    return _caller.get()


def set_caller(value: Caller) -> None:
    """Sets the caller of the RPC that is being handled; only the gate does."""
    _caller.set(value)


class TokenVerifier:
    """Verifies tokens against a JWKS file, which is read again when it changes."""

    def __init__(
        self,
        jwks_file: Path,
        *,
        issuer: str,
        audience: str,
        lifetimes: Lifetimes = USUAL_LIFETIMES,
    ) -> None:
        self._file = jwks_file
        self._issuer = issuer
        self._audience = audience
        self._lifetimes = lifetimes
        self._read_at_ns = -1
        self._keys: dict[str, Any] = {}
        self._verified: VerifiedTokens[Caller] = VerifiedTokens()
        self._read()

    def verify(self, authorization: str | None) -> Caller:
        """The caller that an `authorization` value names; TOKEN_REFUSED where it names none.

        A token that was verified is good until it expires or the keys change.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refused("send `authorization: Bearer <token>`")
        token = token.strip()
        self._read()
        if known := self._verified.holder(token):
            return known
        claims = self._claims(token)
        caller = to_caller(claims)
        lifetime_seconds_max = (
            self._lifetimes.service_seconds_max
            if caller.role == SERVICE_ROLE
            else self._lifetimes.tenant_seconds_max
        )
        if problem := time_problem(claims, time.time(), lifetime_seconds_max):
            raise _refused(problem)
        self._verified.keep(token, float(claims["exp"]), caller)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._keys[jwt.get_unverified_header(token).get("kid", "")]
            return jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                # Its times are checked by `time_problem`.
                options={
                    "require": ["exp", "iss", "aud", "sub", "role"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except KeyError:
            raise _refused("no key of ours signed it") from None
        except jwt.InvalidTokenError as error:
            raise _refused(type(error).__name__) from None

    def _read(self) -> None:
        try:
            written_at_ns = self._file.stat().st_mtime_ns
            if written_at_ns == self._read_at_ns:
                return
            keys = jwt.PyJWKSet.from_dict(json.loads(self._file.read_text()))
        except (OSError, ValueError, jwt.PyJWTError) as error:
            if not self._keys:
                raise
            # Caught while it is replaced: what we know stays good until it can be read.
            log.warning("the keys cannot be read again", error=type(error).__name__)
            return
        self._keys = {key.key_id or "": key for key in keys.keys}
        self._verified.forget()
        self._read_at_ns = written_at_ns


def to_caller(claims: Mapping[str, Any]) -> Caller:
    """The caller that verified claims describe; TOKEN_REFUSED where they make no sense."""
    role = claims["role"]
    if role not in (AUTHENTICATED, SERVICE_ROLE):
        raise _refused("its role is unknown")
    try:
        org_id = UUID(claims["org_id"]) if "org_id" in claims else None
        workspace_id = UUID(claims["workspace_id"]) if "workspace_id" in claims else None
    except (ValueError, AttributeError, TypeError):
        raise _refused("its org_id or workspace_id is not a UUID") from None
    if role == AUTHENTICATED and org_id is None:
        raise _refused("it names no org_id")
    if role == SERVICE_ROLE and not claims["sub"].startswith(_SERVICE_PREFIX):
        raise _refused(f"its sub does not start with {_SERVICE_PREFIX}")
    return Caller(subject=claims["sub"], role=role, org_id=org_id, workspace_id=workspace_id)


def _refused(cause: str) -> DomainError:
    return DomainError(
        "TOKEN_REFUSED", f"The token is refused: {cause}.", metadata={"cause": cause}
    )


class TokenFile:
    """This service's own token, read again when whoever renews it has written a new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at_ns = -1
        self._token = ""

    def __call__(self) -> str:
        """The token as it stands now."""
        try:
            written_at_ns = self._path.stat().st_mtime_ns
            if written_at_ns != self._read_at_ns and (token := self._path.read_text().strip()):
                self._token, self._read_at_ns = token, written_at_ns
        except OSError as error:
            if not self._token:
                raise
            log.warning("the own token cannot be read again", error=type(error).__name__)
        return self._token
