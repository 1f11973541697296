"""Generates `gen/` from `protos/` and checks it: `python -m tools.protos generate|check`.

`check` lints the protos, compares them with `protos/image.binpb` (the last released image, when
there is one) for breaking changes, and fails when `gen/` is not what `generate` would write.
"""

import filecmp
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent.parent
PROTOS = ROOT / "protos"
GEN = ROOT / "gen"
RELEASED_IMAGE = PROTOS / "image.binpb"
SCRIPTS = Path(sysconfig.get_path("scripts"))


def proto_files() -> list[str]:
    """Every proto of ours, relative to `protos/`."""
    return sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))


def _protoc(*options: str) -> None:
    """Runs protoc over every proto of ours; raises SystemExit with its exit code on an error."""
    site_packages = sysconfig.get_path("purelib")
    with resources.as_file(resources.files("grpc_tools") / "_proto") as well_known:
        paths = [f"-I{PROTOS}", f"-I{well_known}", f"-I{site_packages}"]
        code = protoc.main(["protoc", *paths, *options, *proto_files()])
    if code:
        raise SystemExit(code)


def write_image(path: Path) -> None:
    """Writes the protos and all that they import as a FileDescriptorSet, comments included."""
    _protoc(f"--descriptor_set_out={path}", "--include_imports", "--include_source_info")


def generate(target: Path) -> None:
    """Writes messages, services and their types below `target`."""
    target.mkdir(parents=True, exist_ok=True)
    _protoc(
        f"--python_out={target}",
        f"--grpc_python_out={target}",
        f"--plugin=protoc-gen-mypy={SCRIPTS / 'protoc-gen-mypy'}",
        f"--mypy_out=quiet:{target}",
        f"--plugin=protoc-gen-mypy_grpc={SCRIPTS / 'protoc-gen-mypy_grpc'}",
        f"--mypy_grpc_out=quiet:{target}",
    )


def differences(left: Path, right: Path) -> list[str]:
    """Files that are missing on either side or differ, relative to both; byte-code is left out."""

    def files(top: Path) -> set[str]:
        return {
            str(path.relative_to(top))
            for path in top.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    names = files(left) | files(right)
    _, different, missing = filecmp.cmpfiles(left, right, sorted(names), shallow=False)
    return sorted([*different, *missing])


def refresh() -> None:
    """Brings `gen/` up to date; files that are right already are not written."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        generate(fresh)
        for name in differences(fresh / "waybill", GEN / "waybill"):
            source, target = fresh / "waybill" / name, GEN / "waybill" / name
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
            else:
                target.unlink()


def _buf(*arguments: str) -> bool:
    return subprocess.run([SCRIPTS / "buf", *arguments], cwd=ROOT, check=False).returncode == 0


def check() -> bool:
    """Lint, breaking changes, generated code; True when all of it is in order."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch, "image.binpb")
        write_image(image)
        good = _buf("lint", str(image), "--config", "buf.yaml")
        if RELEASED_IMAGE.exists():
            against = ("--against", str(RELEASED_IMAGE))
            good &= _buf("breaking", str(image), *against, "--config", "buf.yaml")
        fresh = Path(scratch, "gen")
        generate(fresh)
        stale = differences(fresh / "waybill", GEN / "waybill")
    if stale:
        sys.stderr.write(f"gen/ is stale: {', '.join(stale)}\nRun `make protos` and commit it.\n")
    return good and not stale


def main() -> None:
    """Entry point; exits 1 when a check fails."""
    match sys.argv[1:]:
        case ["generate"]:
            refresh()
        case ["check"]:
            raise SystemExit(0 if check() else 1)
        case ["image", path]:
            write_image(Path(path))
        case _:
            raise SystemExit("usage: python -m tools.protos generate | check | image PATH")


if __name__ == "__main__":
    main()
