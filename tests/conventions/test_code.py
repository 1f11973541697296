"""Generated code, RPC tables, annotations, imports and settings: the same in every service."""

import importlib
import inspect
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from services.chassis.config import ServiceConfig
from services.chassis.migrate import SERVICES, schemas
from services.chassis.rpc.auth import AccessTable
from tests.conventions.modules import imported
from tests.conventions.schemas import NAMES, mending, modules_of
from tools.protos import GEN, ROOT, differences, generate
from waybill.trace.v1 import trace_service_pb2

TRACE: ServiceDescriptor = trace_service_pb2.DESCRIPTOR.services_by_name["TraceService"]


def own_service(name: str) -> ServiceDescriptor:
    """The gRPC service of a service's own proto."""
    module = importlib.import_module(f"waybill.{name}.v1.{name}_service_pb2")
    (service,) = module.DESCRIPTOR.services_by_name.values()
    descriptor: ServiceDescriptor = service
    return descriptor


def full_name(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def access_of(name: str) -> AccessTable:
    table: AccessTable = importlib.import_module(f"services.{name}.access").ACCESS
    return table


def test_generated_code_is_what_the_protos_make() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        stale = differences(Path(scratch, "waybill"), GEN / "waybill")
    assert not stale, mending(stale, "run `make protos` and commit gen/")


@pytest.mark.parametrize("name", NAMES)
def test_the_access_table_names_every_rpc_and_nothing_else(name: str) -> None:
    served = {full_name(m) for service in (own_service(name), TRACE) for m in service.methods}
    table = access_of(name)
    assert set(table) == served, mending(
        set(table) ^ served, f"services/{name}/access.py: a line for each RPC of its protos"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_rpc_admits_a_caller(name: str) -> None:
    closed = [
        method
        for method, access in access_of(name).items()
        if not (access.tenants or access.services)
        or (access.workspace_tokens and not access.tenants)
    ]
    assert not closed, mending(closed, f"services/{name}/access.py: say who may call it")


@pytest.mark.parametrize("name", NAMES)
def test_callers_on_the_list_are_services_that_there_are(name: str) -> None:
    known = {*NAMES, "operator"}
    callers = {caller for access in access_of(name).values() for caller in access.services}
    assert callers <= known, mending(callers - known, f"services/{name}/access.py: fix the name")


@pytest.mark.parametrize("name", NAMES)
def test_every_rpc_but_those_of_trace_is_served_as_json(name: str) -> None:
    bare = [
        full_name(method)
        for method in own_service(name).methods
        if not method.GetOptions().Extensions[annotations_pb2.http].WhichOneof("pattern")
    ]
    assert not bare, mending(bare, "annotate the RPC with google.api.http in its proto")
    for method in TRACE.methods:
        options = method.GetOptions().Extensions[annotations_pb2.http]
        assert not options.WhichOneof("pattern"), mending(
            method.name, "one path, five services: TraceService is called directly"
        )


def test_no_two_rpcs_share_a_path() -> None:
    seen: dict[tuple[str, str], str] = {}
    for name in NAMES:
        for method in own_service(name).methods:
            options = method.GetOptions().Extensions[annotations_pb2.http]
            verb = options.WhichOneof("pattern")
            key = (verb or "", getattr(options, verb or "get"))
            assert key not in seen, mending(f"{key}: {seen.get(key)}", f"move {method.full_name}")
            seen[key] = method.full_name


@pytest.mark.parametrize("name", NAMES)
def test_no_count_in_json_becomes_text(name: str) -> None:
    module: Any = importlib.import_module(f"waybill.{name}.v1.{name}_service_pb2")
    wide = [
        field.full_name
        for message in module.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if field.type in (field.TYPE_INT64, field.TYPE_UINT64, field.TYPE_SINT64)
    ]
    assert not wide, mending(wide, "use int32: int64 becomes a string in JSON")


def test_only_main_builds_a_process() -> None:
    building = {"services.chassis.lifetime"}
    found = [
        str(path.relative_to(SERVICES))
        for name in NAMES
        for path in modules_of(name)
        if path.name != "__main__.py" and imported(path) & building
    ]
    assert not found, mending(found, "build and start things in __main__.py, where all can be seen")


@pytest.mark.parametrize("name", NAMES)
def test_a_service_starts_processes_by_popen(name: str) -> None:
    starting = [str(path) for path in modules_of(name) if "create_subprocess" in path.read_text()]
    assert not starting, mending(
        starting,
        "start it by subprocess.Popen: uvloop forks beside the threads of gRPC, of which its child"
        " may die before it begins",
    )


def configs() -> list[type[ServiceConfig]]:
    """The settings of every service, and of all of them."""
    found = [ServiceConfig]
    for name in NAMES:
        module = importlib.import_module(f"services.{name}.config")
        found += [
            value
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, ServiceConfig)
            and value is not ServiceConfig
        ]
    return found


@pytest.mark.parametrize("config", configs(), ids=lambda config: config.__name__)
def test_a_setting_says_what_it_is_and_a_number_has_bounds(config: type[ServiceConfig]) -> None:
    found = []
    for name, field in config.model_fields.items():
        is_number = field.annotation in (int, float)
        bounds = [part for part in field.metadata if hasattr(part, "ge") or hasattr(part, "gt")]
        if is_number and not bounds:
            found.append(f"{name}: no lower bound")
        if is_number and not name.endswith(UNITS):
            found.append(f"{name}: no unit at the end")
        if field.is_required() and not field.description:
            found.append(f"{name}: no description")
    assert not found, mending(found, f"{config.__name__}: Field(ge=…, description=…), unit last")
    prefix = config.model_config.get("env_prefix", "")
    if config is not ServiceConfig:
        service = config.__module__.split(".")[1].upper()
        assert prefix == f"WAYBILL_{service}_", mending(prefix, "set model_config's env_prefix")


UNITS = (
    "_seconds",
    "_max",
    "_min",
    "_bytes",
    "_bytes_max",
    "_days",
    "_factor",
    "_milliseconds",
    "_share",
)


def test_import_contracts_name_every_service() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    independent = next(each for each in contracts if each["type"] == "independence")
    wanted = {f"services.{schema.name}" for schema in schemas()} | {"services.console"}
    assert wanted <= set(independent["modules"]), mending(
        wanted - set(independent["modules"]), "pyproject.toml: add it to the first contract"
    )
