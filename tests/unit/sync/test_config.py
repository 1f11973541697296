"""Settings that would not work together are refused at the start."""

import pytest
from pydantic import ValidationError

from services.sync.config import SyncConfig
from services.sync.edge.syncs import budget_within
from services.sync.records.pulls import PullBudget


def a_config(**changes: float) -> SyncConfig:
    files = dict.fromkeys(("jwks_file", "token_file", "sealing_keys_file"), "/dev/null")
    return SyncConfig.model_validate(
        {"database_url": "", "listen": "127.0.0.1:0", **files, **changes}
    )


def test_a_lease_outlasts_the_longest_call_and_its_wait() -> None:
    assert a_config(lease_seconds=36).lease_seconds == 36
    with pytest.raises(ValidationError, match="lease_seconds must be above"):
        a_config(lease_seconds=35)
    with pytest.raises(ValidationError, match="lease_seconds must be above"):
        a_config(graph_timeout_seconds=60)


def test_a_caller_who_waits_no_longer_still_hears_how_to_go_on() -> None:
    budget = PullBudget(seconds=60, calls=200, new_rows=50_000)
    assert budget_within(budget, None) == budget
    within = budget_within(budget, 45)
    assert (within.seconds, within.call_deadline_seconds, within.calls) == (40, 43, 200)
    assert budget_within(budget, 1000).seconds == 60
    hasty = budget_within(budget, 1)
    assert hasty.call_deadline_seconds is not None
    assert 0 < hasty.seconds <= hasty.call_deadline_seconds < 1
