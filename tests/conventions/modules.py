"""What the conventions ask of Python modules, looked up once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from deploy.local.state import ROOT


def imported(path: Path) -> set[str]:
    """The full names of modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@cache
def files_below(*names: str) -> list[Path]:
    """Every file of those files and folders of the repository."""
    found: list[Path] = []
    for name in names:
        path = ROOT / name
        found += [path] if path.is_file() else sorted(path.rglob("*"))
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def public_classes(path: Path) -> Iterator[str]:
    """The names of a module's classes that do not begin with an underscore."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
