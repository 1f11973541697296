"""Routing's settings as the bounds of its parts."""

from dataclasses import dataclass

from services.chassis.outbox.relay import RelayPolicy
from services.routing.config import RoutingConfig
from services.routing.rule_evaluator.protocol import EvaluatorLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPolicy:
    """Bounds of the router: leads per batch; seconds of a lease and of a batch's rules.

    A lead whose holders were interrupted `interruptions_isolated_min` times is routed by itself, as
    it may be what interrupts them; after `interruptions_max` in one attempt the attempt has failed.
    """

    batch_leads_max: int = 200
    lease_seconds: float = 30
    decide_seconds_max: float = 1
    interruptions_isolated_min: int = 2
    interruptions_max: int = 5


def router_policy(config: RoutingConfig) -> RouterPolicy:
    return RouterPolicy(
        batch_leads_max=config.route_batch_leads_max,
        lease_seconds=config.route_lease_seconds,
        decide_seconds_max=config.route_decide_seconds_max,
    )


def dedupe_seconds(config: RoutingConfig) -> float:
    """How long a routed lead keeps others of the same person out."""
    return config.dedupe_window_days * 86_400


def evaluator_limits(config: RoutingConfig) -> EvaluatorLimits:
    return EvaluatorLimits(
        lead_cpu_seconds=config.lead_cpu_seconds_max,
        dry_run_cpu_seconds=config.condition_cpu_seconds_max,
        memory_bytes=config.rule_evaluator_memory_bytes_max,
    )


def relay_policy(config: RoutingConfig) -> RelayPolicy:
    return RelayPolicy(
        batch_items_max=config.offer_batch_items_max, lease_seconds=config.offer_lease_seconds
    )
