"""The settings as the bounds of delivery's parts."""

from services.chassis.outbound.policy import OutboundPolicy, outbound_policy
from services.delivery.backoff import BackoffPolicy
from services.delivery.config import DeliveryConfig
from services.delivery.dispatcher import DispatcherPolicy
from services.delivery.store.claims import ClaimTerms


def webhook_policy(config: DeliveryConfig) -> OutboundPolicy:
    """Which endpoints may be called, and for how long."""
    return outbound_policy(
        config,
        dns_seconds_max=config.outbound_dns_seconds,
        connect_seconds_max=config.outbound_connect_seconds,
        total_seconds_max=config.outbound_total_seconds,
        response_bytes_max=config.outbound_answer_bytes_max,
        connections_max=config.send_in_flight_max,
    )


def backoff_policy(config: DeliveryConfig) -> BackoffPolicy:
    """When a delivery is tried again."""
    return BackoffPolicy(
        schedule_seconds=config.retry_schedule_seconds,
        jitter_share=config.retry_jitter_share,
        retry_after_seconds_max=config.retry_after_seconds_max,
        throttle_seconds_min=config.throttle_seconds_min,
    )


def claim_terms(config: DeliveryConfig) -> ClaimTerms:
    """The terms on which this process claims deliveries."""
    return ClaimTerms(
        worker=config.worker,
        lease_seconds=config.send_lease_seconds,
        hold_seconds=config.hold_seconds,
        attempts_max=backoff_policy(config).attempts_max,
        deliveries_max=config.send_in_flight_max,
        workspace_deliveries_max=config.send_workspace_in_flight_max,
    )


def dispatcher_policy(config: DeliveryConfig) -> DispatcherPolicy:
    """The dispatcher's bounds."""
    return DispatcherPolicy(
        batch_deliveries_max=config.send_batch_deliveries_max,
        report_batch_deliveries_max=config.report_batch_deliveries_max,
        post_seconds_max=config.outbound_total_seconds,
        backoff=backoff_policy(config),
    )
