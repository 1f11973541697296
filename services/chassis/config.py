"""Settings of a service, from environment variables named `WAYBILL_<SERVICE>_<SETTING>`."""

import sys
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings


class ServiceConfig(BaseSettings):
    """The settings of every service; a service's `config.py` adds its own and sets the prefix."""

    database_url: str = Field(description="PostgreSQL URL, as the service's login role")
    database_connections_max: int = Field(default=8, ge=1, le=200)
    database_statement_timeout_seconds: float = Field(default=15, gt=0, le=300)
    listen: str = Field(description="host:port of the gRPC server")
    metrics_listen: str = Field(default="", description="host:port of /metrics; empty: none")
    jwks_file: Path = Field(description="Public keys that sign tokens, a JWKS")
    token_issuer: str = "waybill"
    token_audience: str = "waybill"
    tenant_token_hours_max: float = Field(
        default=24, gt=0, description="A tenant's token that lives longer is refused"
    )
    service_token_hours_max: float = Field(
        default=31 * 24, gt=0, description="A service's token that lives longer is refused"
    )
    token_file: Path = Field(description="This service's own token; renewed from outside")
    sealing_keys_file: Path = Field(description="Key ring that seals secrets at rest, mode 600")
    tls_certificate_file: Path | None = Field(default=None, description="mTLS: own certificate")
    tls_key_file: Path | None = Field(default=None, description="mTLS: own key")
    tls_authority_file: Path | None = Field(default=None, description="mTLS: who signs peers")
    otlp_endpoint: str = Field(default="", description="OTLP collector; empty: rows are the record")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    concurrent_rpcs_max: int = Field(default=1000, ge=1)
    drain_seconds: float = Field(default=20, gt=0, description="Longest wait for handlers at stop")
    call_timeout_seconds: float = Field(default=10, gt=0, description="Deadline of calls to peers")
    requests_kept_days: float = Field(
        default=30,
        ge=8,
        description="How long a request id is answered as before; the longest retries take a week",
    )
    poll_seconds: float = Field(default=1, gt=0, description="Longest wait of an idle loop")


class OutboundSettings(BaseSettings):
    """What a service's calls to hosts that others chose may reach besides public addresses.

    A service that makes such calls inherits these beside `ServiceConfig`. Lists are JSON.
    """

    outbound_allowed_networks: tuple[str, ...] = Field(
        default=(), description='Networks allowed besides the public ones: ["127.0.0.0/8"]'
    )
    outbound_allowed_addresses: tuple[str, ...] = Field(
        default=(), description='Single ports allowed besides: ["127.0.0.1:8443", "[::1]:8443"]'
    )
    outbound_http_hosts: tuple[str, ...] = Field(
        default=(), description="Hosts that may be called by http; all others by https"
    )

    @field_validator("outbound_allowed_networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text)
        return value

    @field_validator("outbound_allowed_addresses")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            address_and_port(text)
        return value


def address_and_port(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    """From `127.0.0.1:8443` or `[::1]:8443`. Raises ValueError."""
    host, _, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"{text!r} must be an IP address and a port, for example 127.0.0.1:8443")
    address = ip_address(host[1:-1] if is_bracketed else host)
    if is_bracketed != (address.version == 6):
        raise ValueError(f"{text!r} must have brackets around an IPv6 address, and only there")
    return address, int(port)


Config = TypeVar("Config", bound=ServiceConfig)


def load(config: type[Config]) -> Config:
    """Reads the settings; ends the process with code 2 after naming every missing or bad one."""
    try:
        return config()
    except ValidationError as error:
        sys.stderr.write(problems(config, error))
        raise SystemExit(2) from None


def problems(config: type[ServiceConfig], error: ValidationError) -> str:
    """One line for each setting that is missing or bad, named as in the environment."""
    prefix = config.model_config.get("env_prefix", "")
    lines = [f"{config.__name__}: {error.error_count()} settings are missing or bad"]
    for problem in error.errors(include_input=False, include_url=False):
        name = prefix + "_".join(str(part) for part in problem["loc"]).upper()
        lines.append(f"  {name}: {problem['msg']}")
    return "\n".join(lines) + "\n"
