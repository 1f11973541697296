"""`make clean`'s part that needs care: removes a state folder that no launcher uses.

    python -m deploy.local.clean .waybill

Needs nothing but the standard library: there may be no virtual environment.
"""

import shutil
import sys
from pathlib import Path

from deploy.local.state import FolderInUse, State


def remove(folder: Path) -> None:
    """Removes the folder and all in it. Raises FolderInUse; nothing is removed then."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        with State(folder=folder.absolute()).held():
            shutil.rmtree(folder)


def main() -> int:
    """Entry point; 1 when the folder is in use."""
    try:
        remove(Path(sys.argv[1]))
    except FolderInUse as error:
        sys.stderr.write(
            f"nothing was removed: `make run` (process {error.holder}) uses {error.folder}. End it"
            " (Ctrl-C in its terminal), then run `make clean` again.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
