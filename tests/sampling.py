"""How much of what chance decides is tried: a sample by `make test`, all by `make test-all`.

    WAYBILL_TEST_ALL=1     what `make test-all` sets

Sampled are the examples of hypothesis and the moments at which tests/chaos kills processes.
Everything else is in both.
"""

import os
import random
from typing import Final

from hypothesis import settings

ALL: Final = os.environ.get("WAYBILL_TEST_ALL") == "1"
_FACTOR: Final = 20
_MOMENTS: Final = 5


def examples(sampled: int) -> int:
    """For hypothesis' max_examples: so many in a sample, and twenty times as many in all."""
    return sampled * _FACTOR if ALL else sampled


def seeds() -> list[int]:
    """The numbers that moments of kills are made from; WAYBILL_CHAOS_SEED repeats one."""
    if given := os.environ.get("WAYBILL_CHAOS_SEED"):
        return [int(given)]
    chance = random.SystemRandom()
    return [chance.randrange(10**6) for _ in range(_MOMENTS if ALL else 1)]


SEEDS: Final = seeds()
# For tests that name no number of their own; a hundred is hypothesis' default.
settings.register_profile("waybill", max_examples=examples(100), deadline=None)
settings.load_profile("waybill")
