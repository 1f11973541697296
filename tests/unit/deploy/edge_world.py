"""What stands around the edge in its tests: servers, keys, a client."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import grpc
import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from multidict import CIMultiDict
from yarl import URL

from deploy.edge.bootstrap import bootstrap
from deploy.edge.config import Address, EdgeConfig
from deploy.edge.envoy import envoy_command
from deploy.local.ports import free_port
from deploy.local.processes import Program, Supervisor

ISSUER = "https://waybill.test"
AUDIENCE = "waybill"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


PROTO = """
syntax = "proto3";
package waybill.shop.v1;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";

service ShopService {
  rpc GetLead(GetLeadRequest) returns (Lead) {
    option (google.api.http) = {get: "/api/leads/{lead_id}"};
  }
  rpc CreateLead(CreateLeadRequest) returns (Lead) {
    option (google.api.http) = {post: "/api/leads" body: "*"};
  }
  rpc CloseLead(GetLeadRequest) returns (Lead) {
    option (google.api.http) = {post: "/api/leads/{lead_id}/close" body: "*"};
  }
}
message GetLeadRequest { string lead_id = 1; int32 page_size = 2; }
message CreateLeadRequest {
  string full_name = 1 [json_name = "name"];
  string note = 2;
  repeated Part parts = 3;
  map<string, Part> named_parts = 4;
  google.protobuf.Struct anything = 5;
  optional google.protobuf.Timestamp seen_time = 6;
  CreateLeadRequest inner = 7;
  repeated string labels = 8;
  google.protobuf.ListValue things = 9;
}
message Part { string colour_name = 1; }
message Lead {
  string lead_id = 1;
  string full_name = 2 [json_name = "name"];
  int32 attempt_count = 3;
  int64 big = 4;
  repeated string tags = 5;
}
"""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The test's protos: their modules and the descriptor set with all imports."""

    messages: ModuleType
    services: ModuleType
    descriptor_set: Path


@dataclass(slots=True)
class Shop:
    """A gRPC server; `behave` may be replaced by a test, `calls` is what arrived."""

    compiled: Compiled
    health: health.aio.HealthServicer
    port: int = 0
    calls: list[tuple[Any, dict[str, str], float | None]] = field(default_factory=list)
    behave: Callable[[Any, Any], Awaitable[Any]] | None = None

    async def handle(self, request: Any, context: Any) -> Any:
        metadata = dict(context.invocation_metadata())
        self.calls.append((request, metadata, context.time_remaining()))
        if self.behave is not None:
            return await self.behave(request, context)
        return self.compiled.messages.Lead(
            lead_id=getattr(request, "lead_id", "") or "L1",
            full_name=getattr(request, "full_name", ""),
        )

    async def set_serving(self, serving: bool) -> None:
        word = "SERVING" if serving else "NOT_SERVING"
        status = health_pb2.HealthCheckResponse.ServingStatus.Value(word)
        await self.health.set("", status)


@dataclass(slots=True)
class Ingest:
    """Ingest's HTTP port; `received` is what arrived."""

    port: int = 0
    healthy: bool = True
    received: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=16 * 1024 * 1024)
        application.router.add_get("/healthz", self._health)
        application.router.add_route("*", "/webhooks/{tail:.*}", self._take)
        return application

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(status=200 if self.healthy else 503)

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.received.append((request.method, request.path_qs, headers, body))
        return web.Response(text="EVENT_RECEIVED")


class Keys:
    """An Ed25519 and an RSA key, their JWKS, and tokens signed with them."""

    def __init__(self) -> None:
        self._keys: dict[str, Any] = {
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        }

    def jwks(self) -> str:
        def public(algorithm: str) -> dict[str, Any]:
            key = self._keys[algorithm].public_key()
            made = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
            return {**made, "kid": algorithm, "alg": algorithm, "use": "sig"}

        return json.dumps({"keys": [public(algorithm) for algorithm in self._keys]})

    def token(self, algorithm: str = "EdDSA", **changes: object) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "acme", "iat": now, "exp": now + 600}
        present = {k: v for k, v in {**claims, **changes}.items() if v is not None}
        return jwt.encode(present, self._keys[algorithm], algorithm, headers={"kid": algorithm})


@dataclass(slots=True)
class EdgeResponse:
    """What the edge answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json")
        return json.loads(self.body)


@dataclass(slots=True)
class Edge:
    """A client of a running edge; it sends a good token unless another is given."""

    config: EdgeConfig
    session: aiohttp.ClientSession
    token: str

    async def __call__(
        self, method: str, path: str, *, token: str | None = "", **content: Any
    ) -> EdgeResponse:
        headers = dict(content.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token}"
        url = URL(f"http://127.0.0.1:{self.config.listen.port}{path}", encoded=True)
        async with self.session.request(method, url, headers=headers, **content) as answer:
            return EdgeResponse(answer.status, await answer.read(), answer.headers)

    async def health(self) -> EdgeResponse:
        return await self("GET", "/api/health", token=None)

    async def becomes(self, status: int) -> EdgeResponse:
        """Asks for health until it is so."""
        async with asyncio.timeout(20):
            while True:
                answer = await self.health()
                if answer.status == status:
                    return answer

    def log(self) -> list[dict[str, Any]]:
        """The lines that are written to their end."""
        whole, _, _ = self.config.access_log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]


async def started(supervisor: Supervisor, config: EdgeConfig, folder: Path, name: str) -> None:
    """Starts an Envoy with `config` and returns when its port answers."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps(bootstrap(config)))

    async def listening() -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1", config.listen.port)
        writer.close()
        await writer.wait_closed()
        return True

    command = envoy_command(file, workers=1, log_flush_seconds=0.02)
    log_path = folder / f"{name}.log"
    await supervisor.start(Program(name=name, command=command, log_path=log_path, ready=listening))


async def sent(edge: Edge, *lines: str, body: bytes = b"") -> EdgeResponse:
    """The answer to a request that no client library would leave as it is: its lines, as bytes."""
    (answer,) = await _exchanged(edge, [_request([*lines, "connection: close"], body)])
    return answer


async def sent_twice(edge: Edge, *lines: str) -> list[EdgeResponse]:
    """The answers to two such requests on one connection."""
    last = _request([*lines, "connection: close"], b"")
    return await _exchanged(edge, [_request(lines, b""), last])


def _request(lines: Sequence[str], body: bytes) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def _exchanged(edge: Edge, requests: Sequence[bytes]) -> list[EdgeResponse]:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.config.listen.port)
    async with asyncio.timeout(20):
        answers = []
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            answers.append(await _answer(head, request, reader))
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    return answers


async def _answer(head: bytes, request: bytes, reader: asyncio.StreamReader) -> EdgeResponse:
    first, *lines = head.decode().splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    length = 0 if request.startswith(b"HEAD ") else int(headers["content-length"])
    body = await reader.readexactly(length)
    return EdgeResponse(int(first.split()[1]), body, CIMultiDict(headers))


async def logged(edge: Edge, request_id: str) -> dict[str, Any]:
    """The line of a request, as soon as it is written."""
    async with asyncio.timeout(10):
        while True:
            for line in edge.log():
                if line["request_id"] == request_id:
                    return line
            await asyncio.sleep(0)


def elsewhere(config: EdgeConfig, folder: Path, **changes: Any) -> EdgeConfig:
    """The same edge at other ports."""
    return replace(
        config,
        listen=Address(host="127.0.0.1", port=free_port()),
        access_log=folder / "access.log",
        admin_socket=config.admin_socket.with_name(f"admin-{folder.name[-20:]}"),
        **changes,
    )


def a_certificate(folder: Path, name: str, authority: Any = None) -> Any:
    """Writes `name.pem` and `name.key`; without an authority it is one itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, issuer_key = authority or (subject, key)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return subject, key


async def shop_with_tls(shop: Shop, folder: Path, name: str) -> tuple[grpc.aio.Server, int]:
    """The shop's health behind mutual TLS, with the certificate `name`."""
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(shop.health, server)
    pair = ((folder / f"{name}.key").read_bytes(), (folder / f"{name}.pem").read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], (folder / "authority.pem").read_bytes(), require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    return server, port
