"""Tools of the distribution that a test needs: without them it is skipped, or in CI fails."""

import os
import shutil
import subprocess
from typing import NoReturn

import pytest


def skip_without(package: str) -> NoReturn:
    """Skips the test that needs the missing package; fails it with CI=true where apt has it."""
    if os.environ.get("CI") == "true" and apt_has(package):
        pytest.fail(f"{package} is not installed, and apt has it: `apt-get install {package}`")
    pytest.skip(f"{package} is not installed here")


def apt_has(package: str) -> bool:
    """Whether apt would install the package."""
    if shutil.which("apt-cache") is None:
        return False
    command = ["apt-cache", "policy", package]
    policy = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return "Candidate:" in policy and "Candidate: (none)" not in policy
