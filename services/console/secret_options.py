"""Secrets given to a command: by a file, by standard input, by the environment or plainly.

They are passed on and never printed, neither in answers nor in failures.
"""

import sys
from pathlib import Path
from typing import Final

from services.console.failures import WrongUsageError

STANDARD_INPUT: Final = "-"


def read_secret(name: str, plain: str, file: str) -> str:
    """The secret: `file`'s content without the line end (`-`: standard input), else `plain`.

    Empty where neither is given. `name` names the option in failures.
    Raises WrongUsageError where the file cannot be read or is empty.
    """
    if not file:
        return plain
    try:
        text = sys.stdin.read() if file == STANDARD_INPUT else Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise WrongUsageError(f"{name}-file cannot be read from {file}: {reason}.") from None
    secret = text.rstrip("\r\n")
    if not secret:
        raise WrongUsageError(f"{name}-file {file} is empty.")
    return secret


def require_secret(name: str, variable: str, plain: str, file: str) -> str:
    """As `read_secret`; raises WrongUsageError saying how to give it where it is not given."""
    secret = read_secret(name, plain, file)
    if not secret:
        raise WrongUsageError(
            f"No secret is given: name a file with {name}-file (- reads standard input),"
            f" or set {variable}."
        )
    return secret
