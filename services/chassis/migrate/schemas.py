"""The services' schemas and where their files are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SERVICES: Final = Path(__file__).parent.parent.parent
CHASSIS: Final = Path(__file__).parent.parent / "schema"
RUNS_AS_SYSTEM: Final = "-- runs as: system\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One service's schema: its name and the folder with its files."""

    name: str

    @property
    def folder(self) -> Path:
        """`services/<name>/schema`."""
        return SERVICES / self.name / "schema"

    @property
    def owner(self) -> str:
        """The role that owns tables and ordinary functions."""
        return f"waybill_{self.name}_owner"

    @property
    def system(self) -> str:
        """The role that owns security definer functions."""
        return f"waybill_{self.name}_system"

    @property
    def login(self) -> str:
        """The role that the service logs in as."""
        return f"waybill_{self.name}"


def schemas() -> list[Schema]:
    """Every service that has a schema, by name."""
    folders = sorted(path.parent for path in SERVICES.glob("*/schema"))
    return [Schema(name=folder.name) for folder in folders if folder.name != "chassis"]


def function_files(folder: Path) -> list[Path]:
    """The files of a schema's stored functions, the internal ones among them, by name."""
    return sorted((folder / "functions").rglob("*.sql"), key=lambda path: path.name)
