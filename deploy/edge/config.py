"""The edge's settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.edge.messages import Json

# Calls that work for as long as they are waited for: a pull of a page's conversations at two calls
# a second would else need a request for every fifteen of them.
LONG_CALLS = ("/waybill.sync.v1.SyncService/SyncConversations",)
LONG_DEADLINE_SECONDS = 45
# Of a Unix socket's path in Linux (unix(7)), without the zero at its end.
SOCKET_BYTES_MAX = 107


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A host (name or IP address) and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `host:port`, or `[::1]:port`. Raises ValueError."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdigit():
            raise ValueError(f"{text!r} is not host:port")
        return cls(host=host.removeprefix("[").removesuffix("]"), port=int(port))

    def as_json(self) -> Json:
        """Envoy's core.v3.Address."""
        return {"socket_address": {"address": self.host, "port_value": self.port}}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files for calls from the edge to the services: whom to trust, who the edge is."""

    authorities: Path
    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """All that the edge needs to know.

    `services` maps a service's name to the address of its gRPC server: calls of
    `/waybill.<name>.*` go there. `descriptor_set` holds every proto with its imports, after
    `descriptors.with_error_details`, or error details cannot become JSON. `transcoded` are the full
    names of the gRPC services that are served as JSON; reflection tells of these. `jwks` is the
    JSON text of the keys. The admin interface listens on `admin_socket` (a path of at most 107
    bytes), which only the edge's own user may open. `access_log` may be `/dev/stdout`.
    """

    listen: Address
    ingest_http: Address
    services: Mapping[str, Address]
    descriptor_set: Path
    transcoded: tuple[str, ...]
    jwks: str
    issuer: str
    audiences: tuple[str, ...]
    access_log: Path
    admin_socket: Path
    scheduling_http: Address | None = None
    """Where calendar feeds are served; None: nowhere."""
    upstream_tls: TlsFiles | None = None
    body_bytes_max: int = 3 * 1024 * 1024
    body_limit_exempt_prefixes: tuple[str, ...] = ()
    headers_bytes_max: int = 16 * 1024
    """Path included. The services' limit (`chassis.rpc.server`) is three times that: the edge adds
    headers of its own, the path once more among them."""
    headers_count_max: int = 100
    exempt_body_bytes_max: int = 64 * 1024 * 1024
    answer_bytes_max: int = 16 * 1024 * 1024
    request_seconds_max: float = 15.0
    deadline_seconds: int = 10
    long_calls: tuple[str, ...] = LONG_CALLS
    """Full methods that have the longer bounds."""
    long_request_seconds_max: float = 50.0
    long_deadline_seconds: int = LONG_DEADLINE_SECONDS
    receive_seconds_max: float = 30.0
    idle_seconds_max: float = 300.0
    connect_seconds_max: float = 2.0
    health_interval_seconds: float = 2.0
    connections_max: int = 10_000
    requests_per_service_max: int = 2_000

    def __post_init__(self) -> None:
        """Raises ValueError for what Envoy would only find out later, or not at all."""
        if len(os.fsencode(self.admin_socket)) > SOCKET_BYTES_MAX:
            raise ValueError(f"admin_socket has more than {SOCKET_BYTES_MAX} bytes")
        if self.deadline_seconds >= self.request_seconds_max:
            raise ValueError(
                "deadline_seconds must be below request_seconds_max: the service shall answer "
                "before the edge gives up"
            )
        if self.long_deadline_seconds >= self.long_request_seconds_max:
            raise ValueError("long_deadline_seconds must be below long_request_seconds_max")
        if not self.audiences:
            raise ValueError("without audiences a token for anybody would be let in")
