"""What the conventions ask of every service's schema and files, looked up once."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg

from services.chassis.migrate import CHASSIS, SERVICES, Schema, schemas
from services.chassis.migrate import function_files as files_of

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
NAMES = [schema.name for schema in schemas()]
IN_SCHEMAS = "(" + ", ".join(f"'{name}'" for name in NAMES) + ")"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFile:
    """A file that holds one stored function."""

    path: Path

    @property
    def name(self) -> str:
        """The function's name, which is the file's."""
        return self.path.stem

    @property
    def text(self) -> str:
        """What is in it."""
        return self.path.read_text()

    @property
    def contract(self) -> str:
        """The comment on top of it."""
        return self.text.split("create or replace", 1)[0]

    @property
    def package(self) -> str:
        """The chassis or the service that it belongs to."""
        return self.path.relative_to(SERVICES).parts[0]

    @property
    def is_internal(self) -> bool:
        """Whether only other functions call it."""
        return self.path.parent.name == "internal"

    def __str__(self) -> str:
        return str(self.path.relative_to(SERVICES.parent))


def function_files() -> list[FunctionFile]:
    """Every function of the chassis and the services."""
    folders = [CHASSIS, *[schema.folder for schema in schemas()]]
    return [FunctionFile(path=path) for folder in folders for path in files_of(folder)]


def functions_of(service: str) -> set[str]:
    """The names of the functions in a service's schema."""
    folders = [CHASSIS, Schema(name=service).folder]
    return {path.stem for folder in folders for path in files_of(folder)}


def modules_of(package: str) -> list[Path]:
    """Every Python file of a package of services, below it too."""
    return sorted((SERVICES / package).rglob("*.py"))


def store_files(service: str) -> list[Path]:
    """The modules of a service that talk to its database."""
    folder = SERVICES / service
    return sorted((folder / "store").rglob("*.py")) or [folder / "store.py"]


def calls_in(tree: ast.AST) -> set[str]:
    """Stored functions that code calls by name: in `….rows("name", …)`, `row` and `value`."""
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("rows", "row", "value")
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def mending(found: object, how: str) -> str:
    """The message of a convention's test: what was found and how to mend it."""
    return f"{found}\nTo mend it: {how}"
