"""Refusals of delivery's own, made where they are met."""

from uuid import UUID

from services.chassis.errors import DomainError
from services.chassis.outbound.client import UrlRefused
from services.delivery.deliveries import Completion, Delivery


def workspace_not_found(workspace_id: UUID) -> DomainError:
    """The caller's org has no such workspace, or the token is another workspace's."""
    return DomainError(
        "WORKSPACE_NOT_FOUND",
        "There is no such workspace in this org.",
        metadata={"workspace_id": str(workspace_id)},
    )


def offer_not_found(offer_id: UUID) -> DomainError:
    """The caller's org has no such offer."""
    return DomainError(
        "OFFER_NOT_FOUND",
        "There is no such offer in this org.",
        metadata={"offer_id": str(offer_id)},
    )


def delivery_not_found(delivery_id: UUID) -> DomainError:
    """The caller's org has no such delivery."""
    return DomainError(
        "DELIVERY_NOT_FOUND",
        "There is no such delivery in this org.",
        metadata={"delivery_id": str(delivery_id)},
    )


def url_refused(refused: UrlRefused) -> DomainError:
    """The endpoint's URL is one that is never called."""
    return DomainError("URL_REFUSED", str(refused), metadata={"cause": str(refused.reason)})


def not_completed(outcome: Completion, delivery: Delivery) -> DomainError:
    """Why a delivery that there is was not completed."""
    if outcome == "insufficient_credits":
        return DomainError(
            "INSUFFICIENT_CREDITS",
            "The workspace has no credit left. Grant some and try again.",
            metadata={"workspace_id": str(delivery.workspace_id), "available": "0"},
        )
    return DomainError(
        "DELIVERY_STATE_REFUSED",
        "The delivery's offer is not ready to be sent any more.",
        metadata={"delivery_id": str(delivery.delivery_id), "status": delivery.status},
    )
