"""An edge that runs: a real Envoy before a shop and an ingest."""

import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc
from grpc_tools import protoc

from deploy.edge.config import Address, EdgeConfig
from deploy.edge.descriptors import with_error_details
from deploy.local.ports import free_port
from deploy.local.processes import Supervisor
from sandbox.serving import serving
from services.chassis.rpc.auth import TokenVerifier
from services.chassis.rpc.reflection import Reflection
from services.chassis.rpc.server import SERVER_OPTIONS
from tests.unit.deploy.edge_world import (
    AUDIENCE,
    ISSUER,
    PROTO,
    Compiled,
    Edge,
    Ingest,
    Keys,
    Shop,
    started,
)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiled]:
    folder = tmp_path_factory.mktemp("protos")
    (folder / "shop.proto").write_text(PROTO)
    with resources.as_file(resources.files("grpc_tools") / "_proto") as well_known:
        failed = protoc.main(
            [
                "protoc",
                f"-I{folder}",
                f"-I{well_known}",
                f"-I{sysconfig.get_path('purelib')}",
                f"--python_out={folder}",
                f"--grpc_python_out={folder}",
                f"--descriptor_set_out={folder / 'image.binpb'}",
                "--include_imports",
                "shop.proto",
            ]
        )
    assert not failed
    image = folder / "image.binpb"
    image.write_bytes(with_error_details(image.read_bytes()))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield Compiled(import_module("shop_pb2"), import_module("shop_pb2_grpc"), image)


@pytest.fixture(scope="session")
async def shop_server(
    compiled: Compiled, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    shop = Shop(compiled, health.aio.HealthServicer())
    wider = [("grpc.max_receive_message_length", 16 * 1024 * 1024)]
    server = grpc.aio.server(options=[*SERVER_OPTIONS, *wider])

    class Servicer(compiled.services.ShopServiceServicer):  # type: ignore[name-defined,misc]
        async def GetLead(self, request: Any, context: Any) -> Any:
            return await shop.handle(request, context)

        async def CreateLead(self, request: Any, context: Any) -> Any:
            return await shop.handle(request, context)

        async def CloseLead(self, request: Any, context: Any) -> Any:
            return await shop.handle(request, context)

    compiled.services.add_ShopServiceServicer_to_server(Servicer(), server)
    health_pb2_grpc.add_HealthServicer_to_server(shop.health, server)
    jwks = tmp_path_factory.mktemp("keys") / "jwks.json"
    jwks.write_text(keys.jwks())
    Reflection([], TokenVerifier(jwks, issuer=ISSUER, audience=AUDIENCE)).add_to(server)
    shop.port = server.add_insecure_port("127.0.0.1:0")
    await shop.set_serving(True)
    await server.start()
    yield shop
    await server.stop(0)


@pytest.fixture
def shop(shop_server: Shop) -> Shop:
    shop_server.calls.clear()
    shop_server.behave = None
    return shop_server


@pytest.fixture(scope="session")
async def ingest_server() -> AsyncIterator[Ingest]:
    ingest = Ingest()
    async with serving(ingest.application()) as base_url:
        ingest.port = int(base_url.rpartition(":")[2])
        yield ingest


@pytest.fixture
def ingest(ingest_server: Ingest) -> Ingest:
    ingest_server.received.clear()
    return ingest_server


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture(scope="session")
def config(
    compiled: Compiled, shop_server: Shop, ingest_server: Ingest, keys: Keys
) -> Iterator[EdgeConfig]:
    with tempfile.TemporaryDirectory(prefix="wb") as folder:
        yield EdgeConfig(
            listen=Address(host="127.0.0.1", port=free_port()),
            ingest_http=Address(host="localhost", port=ingest_server.port),
            services={"shop": Address(host="localhost", port=shop_server.port)},
            descriptor_set=compiled.descriptor_set,
            transcoded=("waybill.shop.v1.ShopService",),
            jwks=keys.jwks(),
            issuer=ISSUER,
            audiences=(AUDIENCE,),
            access_log=Path(folder, "access.log"),
            admin_socket=Path(folder, "admin"),
            health_interval_seconds=0.1,
            body_limit_exempt_prefixes=("/api/leads/big/",),
            long_calls=("/waybill.shop.v1.ShopService/CloseLead",),
        )


@pytest.fixture(scope="session")
async def edge(
    config: EdgeConfig, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    folder = tmp_path_factory.mktemp("edge")
    async with Supervisor() as supervisor, aiohttp.ClientSession() as session:
        await started(supervisor, config, folder, "envoy")
        edge = Edge(config, session, keys.token())
        await edge.becomes(200)
        yield edge
    warnings = (folder / "envoy.log").read_text().splitlines()
    assert [line for line in warnings if "caught ENVOY_SIGTERM" not in line] == []
