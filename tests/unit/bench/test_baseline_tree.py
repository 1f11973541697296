"""The commands that measure another commit's tree, and the ratios of what they measure."""

from pathlib import Path

from bench.baseline_tree import Tree, baseline_commit, figures_of, preparation, ratios

FOLDER = Path("/tmp/elsewhere/tree")
COMMIT = "a" * 40


def test_the_tree_is_a_worktree_with_packages_from_its_own_lock() -> None:
    worktree, venv, packages, project = preparation(FOLDER, COMMIT)
    assert worktree[:2] == ["git", "-C"]
    assert worktree[3:] == ["worktree", "add", "--quiet", "--detach", str(FOLDER), COMMIT]
    assert venv[1] == "venv"
    assert venv[-1] == str(FOLDER / ".venv")
    assert packages[-3:] == ["--require-hashes", "-r", str(FOLDER / "requirements.lock")]
    assert project[-2:] == ["-e", str(FOLDER)]
    assert not [each for each in (*venv, *packages, *project) if "index" in each or "://" in each]


def test_a_part_is_measured_there_by_its_own_python() -> None:
    tree = Tree(folder=FOLDER, python=FOLDER / ".venv/bin/python")
    out = Path("/tmp/out.md")
    command = [str(tree.python), "-m", "bench", "routing", "--out", "/tmp/out.md"]
    assert tree.bench("routing", out, quick=False) == command
    assert tree.bench("routing", out, quick=True) == [*command, "--quick"]
    assert tree.environment({"PATH": "/bin", "PYTHONPATH": "/ours"}) == {"PATH": "/bin"}


def test_the_file_names_a_commit_in_full() -> None:
    assert len(baseline_commit()) == 40


def test_figures_are_read_from_the_table() -> None:
    results = """
| what | measured | target | met | beside it |
| --- | ---: | ---: | --- | --- |
| leads a second | 12,300 /s | ≥ 200 /s | yes | 0.4 of it |
| answer p50 | 1.52 ms |  |  |  |
"""
    assert figures_of(results) == {"leads a second": 12_300, "answer p50": 1.52}


def test_a_ratio_is_of_medians_and_only_of_figures_that_both_have() -> None:
    ours = [{"rate": 90.0, "new": 1.0}, {"rate": 110.0, "new": 1.0}, {"rate": 100.0, "new": 1.0}]
    theirs = [{"rate": 50.0}, {"rate": 40.0}, {"rate": 900.0}]
    assert ratios(ours, theirs) == {"rate": (100.0, 50.0, 2.0)}
