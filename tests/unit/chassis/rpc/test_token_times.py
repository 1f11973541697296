"""When a token is good."""

import math
from typing import Any

import pytest

from services.chassis.rpc.token_times import time_problem

NOW = 1_800_000_000.0
DAY = 24 * 3600


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 1},
        {"exp": NOW + DAY},
        {"exp": NOW + DAY, "iat": NOW},
        {"exp": NOW + 0.5, "iat": NOW - DAY + 0.5},
        {"exp": NOW + 300, "iat": NOW + 30, "nbf": NOW + 30},
        {"exp": int(NOW) + 300, "iat": 1.5 + NOW - 300},
    ],
)
def test_a_token_is_good_within_its_time(claims: dict[str, Any]) -> None:
    assert time_problem(claims, NOW, DAY) is None


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"exp": NOW}, "it has expired"),
        ({"exp": NOW - 1, "iat": NOW - 2}, "it has expired"),
        ({"exp": NOW + 300, "iat": NOW + 31}, "it is not good yet"),
        ({"exp": NOW + 300, "nbf": NOW + 31}, "it is not good yet"),
        ({"exp": NOW + DAY + 1}, "it lives longer than 24 hours"),
        ({"exp": NOW + 1, "iat": NOW - DAY}, "it lives longer than 24 hours"),
    ],
)
def test_a_token_outside_its_time_is_not_good(claims: dict[str, Any], problem: str) -> None:
    assert time_problem(claims, NOW, DAY) == problem


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, math.nan, "1800000300", None, True, [1], 10**400], ids=str
)
def test_a_time_must_be_a_finite_number(name: str, value: object) -> None:
    problem = time_problem({"exp": NOW + 300, name: value}, NOW, DAY)
    assert problem == f"its {name} is not a number of seconds"
