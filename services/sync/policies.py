"""The bounds of sync's parts, from its settings."""

from services.sync.config import SyncConfig
from services.sync.records.pulls import CallPace, PullBudget, PullerPolicy


def puller_policy(config: SyncConfig) -> PullerPolicy:
    """The puller's bounds."""
    return PullerPolicy(
        list_limit=config.list_conversations_max,
        overlap_seconds=config.overlap_seconds,
        pace=CallPace(
            interval_seconds=config.call_interval_seconds,
            slow_percent=config.usage_slow_percent_min,
            stop_percent=config.usage_stop_percent_min,
            slow_factor=config.slow_factor,
            wait_seconds_max=config.call_wait_seconds_max,
        ),
    )


def run_budget(config: SyncConfig) -> PullBudget:
    """What one run may use."""
    return PullBudget(
        seconds=config.run_seconds_max,
        calls=config.run_calls_max,
        new_rows=config.run_new_rows_max,
    )
