"""Five services, one floor plan: the same folders, the same modules, the same imports."""

import ast
from pathlib import Path

import pytest

from services.chassis.migrate import SERVICES
from tests.conventions.modules import imported
from tests.conventions.schemas import NAMES, mending, modules_of

WANTED = (
    "__main__.py",
    "config.py",
    "access.py",
    "policies.py",
    "refusals.py",
    "sweeps.py",
    "edge/__init__.py",
    "edge/registration.py",
    "store/__init__.py",
    "schema/grants.sql",
    "schema/functions",
    "schema/migrations",
)
# Each of these may grow into several files.
GROWING = {
    "records": ("records.py", "records/__init__.py"),
    "parsing": ("edge/parsing.py", "edge/parsing/__init__.py", "edge/parsing_*.py"),
    "answers": ("edge/answers.py", "edge/answers/__init__.py", "edge/answers_*.py"),
}
# Sync receives what others hand over, and hands nothing over itself.
HANDING_OVER = sorted(set(NAMES) - {"sync"})
LINES_MAX = 350
OUTER = ("grpc", "google", "waybill")
# Which folder of the chassis may import which other one, besides the modules beside them.
CHASSIS_ARROWS = {"rpc": set[str](), "outbound": set[str](), "outbox": {"rpc"}}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_the_floor_plan(name: str) -> None:
    folder = SERVICES / name
    missing = [part for part in WANTED if not (folder / part).exists()]
    missing += [
        part
        for part, forms in GROWING.items()
        if not any(True for form in forms for _ in folder.glob(form))
    ]
    if name in HANDING_OVER and not (folder / "edge" / "handoffs.py").exists():
        missing.append("edge/handoffs.py")
    assert not missing, mending(
        missing, f"services/{name}/: put it where the other services have it (README, floor plan)"
    )


# Reads what a library hands out as protobuf: nothing of ours.
FOREIGN_TREES = {"checked_syntax.py"}


@pytest.mark.parametrize("name", NAMES)
def test_only_the_edge_and_main_know_grpc_and_generated_code(name: str) -> None:
    found = {
        str(path.relative_to(SERVICES)): sorted(outer)
        for path in modules_of(name)
        if path.relative_to(SERVICES / name).parts[0] not in ("edge", "__main__.py")
        and path.name not in FOREIGN_TREES
        and (outer := {module for module in imported(path) if module.split(".")[0] in OUTER})
    }
    assert not found, mending(
        found, f"move it to services/{name}/edge/ and pass dataclasses of records.py on"
    )


@pytest.mark.parametrize("name", NAMES)
def test_database_rows_end_in_the_store(name: str) -> None:
    found = [
        str(path.relative_to(SERVICES))
        for path in modules_of(name)
        if path.relative_to(SERVICES / name).parts[0] not in ("store", "store.py")
        and _imports_rows(path)
    ]
    assert not found, mending(found, "have the store return a dataclass of records.py")


def _imports_rows(path: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "services.chassis.database"
        and any(alias.name == "Record" for alias in node.names)
        for node in ast.walk(ast.parse(path.read_text()))
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_edge_is_put_together_by_registration(name: str) -> None:
    path = SERVICES / name / "edge" / "registration.py"
    assert path.exists(), mending(path, "make it: `def registration(dependencies) -> Registration`")
    functions = {
        node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    }
    assert "registration" in functions, mending(
        sorted(functions), f"{path}: `def registration(dependencies: Dependencies) -> Registration`"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_module_of_handlers_holds_one_class_of_them(name: str) -> None:
    found = {}
    for path in sorted((SERVICES / name / "edge").rglob("*.py")):
        classes = [
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ClassDef) and node.name.endswith("Handlers")
        ]
        if len(classes) > 1:
            found[str(path.relative_to(SERVICES))] = classes
    assert not found, mending(found, "edge/<resource>.py: one `class <Resource>Handlers` a file")


@pytest.mark.parametrize("name", NAMES)
def test_generated_modules_are_imported_under_one_alias(name: str) -> None:
    found = [
        f"{path.relative_to(SERVICES)}: {alias.name} as {alias.asname}"
        for path in modules_of(name)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("waybill.")
        for alias in node.names
        if alias.name.endswith("_service_pb2") and alias.asname != _alias(name, alias.name)
    ]
    assert not found, mending(
        found,
        "`<own>_service_pb2 as pb`, another service's `<service>_service_pb2 as <service>_pb`",
    )


def _alias(service: str, module: str) -> str:
    of = module.removesuffix("_service_pb2")
    return "pb" if of == service else f"{of}_pb"


@pytest.mark.parametrize("package", [*NAMES, "chassis", "console"])
def test_no_module_outgrows_a_sitting(package: str) -> None:
    found = {
        str(path.relative_to(SERVICES)): lines
        for path in modules_of(package)
        if (lines := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert not found, mending(found, f"split it: no module above {LINES_MAX} lines")


@pytest.mark.parametrize("folder", sorted(CHASSIS_ARROWS))
def test_folders_of_the_chassis_import_in_one_direction(folder: str) -> None:
    others = set(CHASSIS_ARROWS) - {folder} - CHASSIS_ARROWS[folder]
    found = {
        str(path.relative_to(SERVICES)): wrong
        for path in modules_of(f"chassis/{folder}")
        if (
            wrong := sorted(
                module
                for module in imported(path)
                if any(module.startswith(f"services.chassis.{other}") for other in others)
            )
        )
    }
    assert not found, mending(
        found, "outbox may build on rpc; rpc and outbound know neither it nor each other"
    )
