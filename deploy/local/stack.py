"""The whole of Waybill on one machine: database, services, edge and the sandbox's outside world.

`make run` and the system tests stand on the same stack: real processes, real sockets.
"""

import asyncio
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import asyncpg
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.edge.bootstrap import bootstrap
from deploy.edge.config import SOCKET_BYTES_MAX, Address, EdgeConfig
from deploy.edge.descriptors import with_error_details
from deploy.local.keys import AUDIENCE, ISSUER, PERSON_TOKEN_SECONDS, Keys
from deploy.local.ports import free_port, require_free_port
from deploy.local.postgres import POSTGRES, EmbeddedPostgres
from deploy.local.processes import Crash, Program, Supervisor
from deploy.local.state import ROOT, State, write_private
from services.chassis.migrate import Schema, schemas, up
from tools.protos import write_image

HOST: Final = "127.0.0.1"
DATABASE: Final = "waybill"
SANDBOX: Final = ("meta", "buyers")
TRANSCODED: Final = {
    "ingest": "waybill.ingest.v1.IngestService",
    "routing": "waybill.routing.v1.RoutingService",
    "delivery": "waybill.delivery.v1.DeliveryService",
    "scheduling": "waybill.scheduling.v1.SchedulingService",
    "sync": "waybill.sync.v1.SyncService",
}
_TOKENS_RENEWED_SECONDS: Final = 20 * 60
POSTGRES_SETTINGS: Final = {
    # Plans made while tables were empty are kept until statistics say otherwise; a minute, which
    # is the default, is long for tables that fill by hundreds of rows a second. Each second would
    # be too often: after new statistics every connection plans again.
    "autovacuum_naptime": "5s",
    # After each checkpoint every page is logged whole once more: not every few seconds, then.
    "max_wal_size": "4GB",
    # Files of the log are written again after a checkpoint; commits wait where one has to be made.
    "min_wal_size": "1GB",
    "shared_buffers": "256MB",
}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run: ports (None: any), PostgreSQL settings, and settings for services by name."""

    edge_port: int | None = None
    postgres_port: int | None = None
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    service_env: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    """Where peers and databases are reached, instead of directly: "routing" by all,
    "delivery-routing" only by delivery, "edge-ingest" and "edge-ingest-http" by the edge; "meta",
    "postgres".
    """


class Stack:
    """The running system. Processes can be stopped, killed and started again by name."""

    def __init__(self, state: State, options: Options, report_progress: Progress) -> None:
        self.state = state
        self.keys = Keys(state)
        self.supervisor = Supervisor(progress=report_progress)
        self.postgres = EmbeddedPostgres(
            state.postgres,
            settings={**POSTGRES_SETTINGS, **options.postgres_settings},
            port=options.postgres_port,
            progress=report_progress,
        )
        self._options = options
        self._report_progress = report_progress
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self.services = [schema.name for schema in schemas()]

    @property
    def edge_url(self) -> str:
        """Where the outside world reaches us."""
        return f"http://{HOST}:{self._edge_port}"

    @property
    def meta_url(self) -> str:
        """The sandbox's Meta platform, control API included."""
        return f"http://{HOST}:{self.state.port('meta', fixed=True)}"

    @property
    def buyers_url(self) -> str:
        """The sandbox's buyers, control API included."""
        return f"http://{HOST}:{self.state.port('buyers', fixed=True)}"

    @property
    def database_url(self) -> str:
        """The database, as superuser."""
        return self.postgres.url_for(database=DATABASE)

    @property
    def _edge_port(self) -> int:
        return self._options.edge_port or self.state.port("edge")

    def address(self, service: str) -> str:
        """host:port of a service's gRPC server."""
        return f"{HOST}:{self.state.port(service)}"

    async def start(self) -> None:
        """Starts everything and returns when the edge says that all of it is ready."""
        require_free_port(self._edge_port, HOST, wanted_by="the edge (WAYBILL_EDGE_PORT)")
        self._report_progress("PostgreSQL is starting")
        await self.postgres.start()
        self._report_progress("applying migrations")
        await self._migrate()
        self.keys.renew_service_tokens(self.services)
        for name in SANDBOX:
            await self.start_program(name)
        for name in self.services:
            await self.start_program(name)
        await self._write_descriptors()
        await self.start_program("edge")

    async def stop(self) -> None:
        """Stops every process, the edge first and the database last."""
        await self.supervisor.stop_all()
        await self.postgres.stop()
        if self._sockets is not None:
            self._sockets.cleanup()

    async def crashed(self) -> Crash:
        """Waits for the next process, PostgreSQL among them, that ends unasked."""
        child = asyncio.create_task(self.supervisor.crashed())
        database = asyncio.create_task(self.postgres.crashed())
        try:
            await asyncio.wait({child, database}, return_when=asyncio.FIRST_COMPLETED)
            if not database.done():
                return child.result()
            # A service that cannot do without its database may have followed it: it comes next.
            if child.done():
                self.supervisor.report(child.result())
            return database.result()
        finally:
            for task in (child, database):
                task.cancel()
            await asyncio.gather(child, database, return_exceptions=True)

    async def start_program(self, name: str) -> None:
        """Starts one process (again) and waits until it is ready."""
        self._report_progress(f"{name} is starting")
        await self.supervisor.start(self._program(name))

    async def restart(self, name: str) -> None:
        """Starts one process that has ended again, PostgreSQL among them, where it was."""
        if name == POSTGRES:
            await self.postgres.restart()
        else:
            await self.start_program(name)

    async def start_replica(self, service: str, *, listen: str | None = None) -> str:
        """Starts a second process of a service, on a port of its own; answers its name."""
        first = self._service(service)
        replica = dataclasses.replace(
            first,
            name=f"{service}-2",
            log_path=self.state.logs / f"{service}-2.log",
            env={
                **first.env,
                f"WAYBILL_{service.upper()}_LISTEN": listen or f"{HOST}:{free_port()}",
                f"WAYBILL_{service.upper()}_HTTP_LISTEN": f"{HOST}:{free_port()}",
            },
            ready=None,
        )
        await self.supervisor.start(replica)
        return replica.name

    async def start_second_edge(self) -> str:
        """Starts an edge beside the first, `edge-2` among the processes; answers its URL."""
        config = dataclasses.replace(
            self._edge_config(),
            listen=Address(host=HOST, port=free_port()),
            admin_socket=self._admin_socket("edge-2"),
        )
        await self.supervisor.start(self._edge("edge-2", config))
        return f"http://{HOST}:{config.listen.port}"

    async def renew_tokens(self) -> None:
        """Renews the services' tokens until it is cancelled."""
        while True:
            await asyncio.sleep(_TOKENS_RENEWED_SECONDS)
            self.keys.renew_service_tokens(self.services)

    def _program(self, name: str) -> Program:
        if name == "edge":
            return self._edge(name, self._edge_config())
        if name in SANDBOX:
            return self._sandbox(name)
        return self._service(name)

    def _service(self, name: str) -> Program:
        address = self.address(name)

        async def ready() -> bool:
            async with grpc.aio.insecure_channel(address) as channel:
                stub: Any = health_pb2_grpc.HealthStub(channel)
                try:
                    answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
                except grpc.aio.AioRpcError:
                    return False
                return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

        return Program(
            name=name,
            command=[sys.executable, "-m", f"services.{name}"],
            log_path=self.state.logs / f"{name}.log",
            env=self._service_env(name),
            folder=ROOT,
            ready=ready,
            grace_seconds=25,
        )

    def _service_env(self, name: str) -> dict[str, str]:
        settings = {
            "DATABASE_URL": self._service_database_url(name),
            "LISTEN": self.address(name),
            "JWKS_FILE": str(self.keys.jwks_file),
            "TOKEN_FILE": str(self.keys.token_file(name)),
            "SEALING_KEYS_FILE": str(self.keys.sealing_file),
            # A start finds what the first one set up by its request ids, years later too.
            "REQUESTS_KEPT_DAYS": "36500",
            # A person keeps the token that the first start printed.
            "TENANT_TOKEN_HOURS_MAX": f"{PERSON_TOKEN_SECONDS / 3600:g}",
            **self._own_settings(name),
        }
        prefix = f"WAYBILL_{name.upper()}_"
        inherited = {key: value for key, value in os.environ.items() if key.startswith(prefix)}
        return {
            **{prefix + key: value for key, value in settings.items()},
            **inherited,
            **{k: v for k, v in self._options.service_env.items() if k.startswith(prefix)},
        }

    def _own_settings(self, name: str) -> dict[str, str]:
        match name:
            case "ingest":
                return {
                    "HTTP_LISTEN": f"{HOST}:{self.state.port('ingest-http')}",
                    "ROUTING_TARGET": self._target("ingest", "routing"),
                    "SYNC_TARGET": self._target("ingest", "sync"),
                    "GRAPH_URL": f"{self._options.targets.get('meta', self.meta_url)}/v26.0",
                    **self._sandbox_is_outside(),
                }
            case "routing":
                return {
                    "DELIVERY_TARGET": self._target("routing", "delivery"),
                    "DEDUPE_SECRETS_FILE": str(self.keys.dedupe_file),
                }
            case "delivery":
                return {
                    "ROUTING_TARGET": self._target("delivery", "routing"),
                    "SYNC_TARGET": self._target("delivery", "sync"),
                    **self._sandbox_is_outside(),
                }
            case "scheduling":
                return {
                    "HTTP_LISTEN": f"{HOST}:{self.state.port('scheduling-http')}",
                    "SYNC_TARGET": self._target("scheduling", "sync"),
                    **self._sandbox_is_outside(),
                }
            case "sync":
                return {
                    # So that a page of the samples' size takes several calls to be pulled.
                    "RUN_CALLS_MAX": "10",
                    "GRAPH_URL": f"{self._options.targets.get('meta', self.meta_url)}/v26.0",
                    **self._sandbox_is_outside(),
                }
            case _:
                return {}

    def _sandbox_is_outside(self) -> dict[str, str]:
        """Only the sandbox's ports are exempt: all else on loopback is what a caller from outside
        must not reach."""
        targets = self._options.targets
        urls = [self.meta_url, self.buyers_url]
        urls += [targets[name] for name in SANDBOX if name in targets]
        addresses = [url.rpartition("/")[2] for url in urls]
        return {
            "OUTBOUND_ALLOWED_ADDRESSES": json.dumps(addresses),
            "OUTBOUND_HTTP_HOSTS": json.dumps([HOST]),
        }

    def _target(self, caller: str, peer: str) -> str:
        targets = self._options.targets
        return targets.get(f"{caller}-{peer}") or targets.get(peer) or self.address(peer)

    def _service_database_url(self, name: str) -> str:
        login = Schema(name=name).login
        url = self.postgres.url_for(user=login, password=self.keys.secret(login), database=DATABASE)
        proxied = self._options.targets.get("postgres")
        return url.replace(f"{HOST}:{self.postgres.port}", proxied) if proxied else url

    def _sandbox(self, name: str) -> Program:
        port = self.state.port(name, fixed=True)
        require_free_port(port, HOST, wanted_by=f"the sandbox's {name} (kept in settings.json)")

        async def ready() -> bool:
            return await answers_ok(f"http://{HOST}:{port}/_control/health")

        return Program(
            name=name,
            command=[sys.executable, "-m", f"sandbox.{name}", "--port", str(port)],
            log_path=self.state.logs / f"{name}.log",
            folder=ROOT,
            ready=ready,
        )

    def _edge(self, name: str, config: EdgeConfig) -> Program:
        configuration = self.state.edge / f"{name}.json"
        write_private(configuration, json.dumps(bootstrap(config), indent=1))

        async def ready() -> bool:
            return await answers_ok(f"http://{HOST}:{config.listen.port}/api/health")

        return Program(
            name=name,
            command=[
                *(sys.executable, "-m", "deploy.edge.launcher", str(configuration)),
                *("--admin-socket", str(config.admin_socket)),
                # There is no balancer that would have to notice.
                *("--listen-seconds-min", "0"),
            ],
            log_path=self.state.logs / f"{name}.log",
            folder=ROOT,
            ready=ready,
            grace_seconds=25,
        )

    @property
    def _descriptors(self) -> Path:
        return self.state.edge / "descriptors.binpb"

    async def _write_descriptors(self) -> None:
        await asyncio.to_thread(write_image, self._descriptors)
        self._descriptors.write_bytes(with_error_details(self._descriptors.read_bytes()))
        self._descriptors.chmod(0o600)

    def _edge_config(self) -> EdgeConfig:
        access_log = self.state.logs / "access.log"
        access_log.touch()
        access_log.chmod(0o600)
        return EdgeConfig(
            listen=Address(host=HOST, port=self._edge_port),
            ingest_http=self._edge_target("ingest-http"),
            scheduling_http=self._edge_target("scheduling-http"),
            services={name: self._edge_target(name) for name in self.services},
            descriptor_set=self._descriptors,
            transcoded=tuple(TRANSCODED[name] for name in self.services if name in TRANSCODED),
            jwks=json.dumps(self.keys.jwks()),
            issuer=ISSUER,
            audiences=(AUDIENCE,),
            access_log=access_log,
            admin_socket=self._admin_socket("edge"),
        )

    def _admin_socket(self, name: str) -> Path:
        """In the state folder, or in one of its own where that path is too long for a socket."""
        socket = self.state.edge / f"{name}.admin"
        if len(os.fsencode(socket)) <= SOCKET_BYTES_MAX:
            return socket
        if self._sockets is None:
            self._sockets = tempfile.TemporaryDirectory(prefix="waybill-")
        return Path(self._sockets.name, f"{name}.admin")

    def _edge_target(self, name: str) -> Address:
        direct = f"{HOST}:{self.state.port(name)}"
        return Address.parse(self._options.targets.get(f"edge-{name}", direct))

    async def _migrate(self) -> None:
        admin = await asyncpg.connect(self.postgres.url)
        try:
            if not await admin.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await admin.execute(f"create database {DATABASE}")
            for name in self.services:
                schema = Schema(name=name)
                await up(schema, self.database_url)
                # Hex digits of our own making: nothing to quote.
                password = self.keys.secret(schema.login)
                await admin.execute(f"alter role {schema.login} password '{password}'")
        finally:
            await admin.close()

    def environment(self, org_id: str, app_secret: str, verify_token: str) -> dict[str, str]:
        """What a shell needs to talk to this run."""
        return {
            "WAYBILL_EDGE_URL": self.edge_url,
            "WAYBILL_ORG_ID": org_id,
            "WAYBILL_TOKEN": self.keys.tenant_token(UUID(org_id), seconds=PERSON_TOKEN_SECONDS),
            "WAYBILL_SERVICE_TOKEN": self.keys.service_token(
                "operator", seconds=PERSON_TOKEN_SECONDS
            ),
            "WAYBILL_META_APP_SECRET": app_secret,
            "WAYBILL_META_VERIFY_TOKEN": verify_token,
            "WAYBILL_DATABASE_URL": self.database_url,
            "WAYBILL_META_URL": self.meta_url,
            "WAYBILL_BUYERS_URL": self.buyers_url,
            **{f"WAYBILL_{name.upper()}_ADDRESS": self.address(name) for name in self.services},
        }


async def answers_ok(url: str) -> bool:
    """Whether the URL answers 200 now."""
    limit = aiohttp.ClientTimeout(total=2)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


@asynccontextmanager
async def running_stack(
    folder: Path | None, options: Options, report_progress: Progress
) -> AsyncIterator[Stack]:
    """The started stack; everything it started has ended when the block has."""
    state = State.open(folder)
    with state.held():
        stack = Stack(state, options, report_progress)
        renewal = asyncio.create_task(stack.renew_tokens())
        try:
            await stack.start()
            yield stack
        finally:
            renewal.cancel()
            await stack.stop()
