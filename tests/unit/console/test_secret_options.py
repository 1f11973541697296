"""Secrets by file, by standard input, by the environment, plainly."""

import io
from pathlib import Path

import pytest

from services.console.failures import ConsoleError
from services.console.secret_options import read_secret, require_secret


def test_a_file_wins_and_loses_its_line_end_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" s3cret \n")
    assert read_secret("--secret", "plain", str(file)) == " s3cret "


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret\n"))
    assert read_secret("--secret", "", "-") == "s3cret"


def test_without_a_file_the_plain_one_counts() -> None:
    assert read_secret("--secret", "plain", "") == "plain"


@pytest.mark.parametrize(("content", "problem"), [(b"\n", "is empty"), (b"\xff", "is not text")])
def test_a_useless_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ConsoleError, match=problem):
        read_secret("--secret", "", str(file))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConsoleError, match="nowhere: No such file"):
        read_secret("--secret", "", "nowhere")


def test_a_secret_that_is_needed_says_how_to_give_it() -> None:
    with pytest.raises(ConsoleError, match=r"--secret-file.*WAYBILL_META_APP_SECRET"):
        require_secret("--secret", "WAYBILL_META_APP_SECRET", "", "")
