"""The table, and a file of which a run replaces only its own sections."""

import math

import pytest

from bench.figures import Figure, Target, ratio
from bench.report import merged, number, section


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (12_345.6, "12,346"), (1_000, "1,000"), (123.4, "123"), (1.5234, "1.52"),
        (0.004123, "0.00412"), (math.inf, "inf"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_a_number_has_the_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target(value=100), 100, True),
        (Target(value=100), 99.9, False),
        (Target(value=100, at_most=True), 100, True),
        (Target(value=100, at_most=True), 100.1, False),
        (Target(value=100, at_most=True), math.inf, False),
        (Target(value=100, at_most=True), math.nan, False),
        (None, 5, None),
    ],
)
def test_a_target_is_met_or_not(target: Target | None, value: float, met: bool | None) -> None:
    assert Figure(what="x", value=value, unit="/s", target=target).met is met


def test_a_ratio_names_what_it_is_of() -> None:
    assert ratio(50, 200, "the bare insert") == "0.25 of the bare insert"
    assert ratio(50, 0, "the bare insert") == ""


def test_a_row_says_plainly_what_misses_its_target() -> None:
    slow = Figure(what="p99", value=250, unit="ms", target=Target(value=100, at_most=True))
    text = section("a machine", "fsync=on", "2026-11-20", [slow])
    assert "| p99 | 250 ms | ≤ 100 ms | **no** |  |" in text
    assert "a machine" in text
    assert "fsync=on" in text


def test_a_run_replaces_its_own_sections_and_keeps_the_others() -> None:
    order = ["webhooks", "routing", "credits"]
    first = merged("", {"routing": "routing one", "webhooks": "webhooks one"}, order)
    second = merged(first, {"routing": "routing two", "credits": "credits two"}, order)
    assert "routing one" not in second
    places = [second.index(text) for text in ("webhooks one", "routing two", "credits two")]
    assert places == sorted(places)
    assert second.startswith("# Figures")


def test_writing_the_same_twice_changes_nothing() -> None:
    once = merged("", {"routing": "a\n"}, ["routing"])
    assert merged(once, {"routing": "a\n"}, ["routing"]) == once
