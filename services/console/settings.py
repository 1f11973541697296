"""Addresses of the services and tokens, from the variables that `.waybill/env` exports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from services.console.failures import SettingMissingError

# In the order in which a lead meets them.
SERVICES: Final = ("ingest", "routing", "delivery", "scheduling", "sync")


class Credential(Enum):
    """Which token a call carries; the value is the variable that holds it."""

    TENANT = "WAYBILL_TOKEN"
    OPERATOR = "WAYBILL_SERVICE_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Addresses by service (host:port) and tokens by credential; missing ones are absent."""

    addresses: Mapping[str, str]
    tokens: Mapping[Credential, str] = field(repr=False)

    def address(self, service: str) -> str:
        """The service's host:port. Raises SettingMissingError."""
        return _required(self.addresses.get(service, ""), address_variable(service))

    def token(self, credential: Credential) -> str:
        """The token. Raises SettingMissingError."""
        return _required(self.tokens.get(credential, ""), credential.value)


def from_environment(environ: Mapping[str, str]) -> Settings:
    """The settings that the environment gives."""
    return Settings(
        addresses={name: environ.get(address_variable(name), "").strip() for name in SERVICES},
        tokens={credential: environ.get(credential.value, "").strip() for credential in Credential},
    )


def address_variable(service: str) -> str:
    """The variable that holds a service's address."""
    return f"WAYBILL_{service.upper()}_ADDRESS"


def migrate_url(environ: Mapping[str, str], service: str) -> str:
    """The URL to migrate a service's schema by: its own, or that of the one database of all.

    Raises SettingMissingError naming the latter, which `.waybill/env` exports.
    """
    own = environ.get(f"WAYBILL_{service.upper()}_MIGRATE_URL", "")
    return own or _required(environ.get("WAYBILL_DATABASE_URL", ""), "WAYBILL_DATABASE_URL")


def _required(value: str, variable: str) -> str:
    if not value:
        raise SettingMissingError(variable)
    return value
