"""What README and docs/ say of the tree is so."""

import re
from pathlib import Path

import pytest

from deploy.local.state import ROOT
from tests.conventions.schemas import mending

README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("services", "deploy", "tools", "sandbox", "bench", "tests", "docs", "protos")
# A path in a text, without places to fill in: services/<service>/… is not one.
PATH = re.compile(rf"(?<![\w/.])(?:{'|'.join(FOLDERS)})/[\w/.-]*\w")
# Made by `make bench`, `make schema-guards` and the like, or a family of files.
PATTERNS = ("…", "<", "*")


def section(heading: str) -> str:
    """The text below a heading of the README."""
    return README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def trail() -> list[tuple[str, str]]:
    """The steps of `Follow a name`: what is found there, and the file."""
    (block,) = re.findall(r"```\n(.*?)```", section("Follow a name"), re.DOTALL)
    steps = [line.rsplit(maxsplit=1) for line in block.splitlines()]
    return [(text.strip(), path) for text, path in steps]


@pytest.mark.parametrize(("text", "path"), trail(), ids=lambda value: str(value))
def test_the_trail_of_a_name_holds_at_every_step(text: str, path: str) -> None:
    file = ROOT / path
    assert file.exists(), mending(path, "README.md, Follow a name: print the trail as it is now")
    assert re.search(rf"\b{text}\b", file.read_text()), mending(
        f"{path} does not have {text}", "README.md, Follow a name: print the trail as it is now"
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(path: Path) -> None:
    text = path.read_text()
    missing = [
        found.group()
        for found in PATH.finditer(text)
        if not text[found.end() :].lstrip("/_").startswith(PATTERNS)
        and not (ROOT / found.group()).exists()
    ]
    assert not missing, mending(missing, f"{path.name}: name files as they are")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", getattr(path, "read_text")())  # noqa: B009
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert not missing, mending(missing, "mend the link")


def test_the_map_has_every_folder() -> None:
    ours = [*FOLDERS, "gen"]
    folders = [f"{path.name}/" for path in ROOT.iterdir() if path.is_dir() and path.name in ours]
    for parent in ("tests", "services", "deploy"):
        folders += [
            f"{path.name}/"
            for path in (ROOT / parent).iterdir()
            if path.is_dir() and any(path.glob("**/*.py"))
        ]
    missing = [folder for folder in folders if folder not in section("Find your way")]
    assert not missing, mending(missing, "README.md, Find your way: a line for the folder")
