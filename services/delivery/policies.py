"""The settings as the bounds of delivery's parts."""

from ipaddress import ip_network

from services.chassis.outbound.client import OutboundPolicy
from services.delivery.backoff import BackoffPolicy
from services.delivery.config import DeliveryConfig
from services.delivery.sender import SenderPolicy
from services.delivery.store.sending import ClaimTerms


def outbound_policy(config: DeliveryConfig) -> OutboundPolicy:
    """What may be called, and for how long."""
    return OutboundPolicy(
        allowed_networks=tuple(ip_network(text) for text in config.outbound_allowed_networks),
        http_hosts=frozenset(config.outbound_http_hosts),
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
    """What this process claims deliveries on."""
    return ClaimTerms(
        worker=config.worker,
        lease_seconds=config.send_lease_seconds,
        hold_seconds=config.hold_seconds,
        attempts_max=backoff_policy(config).attempts_max,
        deliveries_max=config.send_in_flight_max,
        workspace_deliveries_max=config.send_workspace_in_flight_max,
    )


def sender_policy(config: DeliveryConfig) -> SenderPolicy:
    """The sender's bounds."""
    return SenderPolicy(
        batch_deliveries_max=config.send_batch_deliveries_max,
        report_batch_deliveries_max=config.report_batch_deliveries_max,
        post_seconds_max=config.outbound_total_seconds,
        backoff=backoff_policy(config),
    )
