"""Refusals of delivery's own, made by name."""

from services.chassis.errors import DomainError
from services.chassis.outbound.client import UrlRefused
from services.delivery.records import CompletionOutcome, Delivery


def url_refused(refused: UrlRefused) -> DomainError:
    """The endpoint's URL is one that is never called."""
    return DomainError("URL_REFUSED", str(refused), metadata={"cause": str(refused.reason)})


def not_completed(outcome: CompletionOutcome, delivery: Delivery) -> DomainError:
    """Why an existing delivery was not completed."""
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
