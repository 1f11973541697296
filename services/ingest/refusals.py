"""Refusals that ingest makes itself; stored functions raise the others."""

from uuid import UUID

from services.chassis.errors import DomainError, Violation, invalid


def org_not_found(org_id: UUID) -> DomainError:
    """The caller's token names an org that does not exist."""
    metadata = {"org_id": str(org_id)}
    return DomainError("ORG_NOT_FOUND", "The org of this token does not exist.", metadata=metadata)


def request_id_reused(request_id: str) -> DomainError:
    """The same request id came with other content."""
    return DomainError(
        "REQUEST_ID_REUSED",
        "This request_id was used before with other content. Send a new one.",
        metadata={"request_id": request_id},
    )


def too_many_leads() -> DomainError:
    """As many leads wait to be stored as may wait."""
    return DomainError(
        "OVERLOADED", "Too many leads wait to be stored. Try again.", retry_after_seconds=1
    )


def not_signed(header: str) -> DomainError:
    """No app's secret signed the webhook."""
    text = f"No registered app signed this body: check {header} and the app secret."
    return DomainError("TOKEN_REFUSED", text, metadata={"cause": "signature"})


def not_json(problem: str) -> DomainError:
    """The webhook's body cannot be read; `problem` quotes nothing of it."""
    return invalid(Violation(field="body", description=f"is {problem}"))


def too_many_items(count: int, count_max: int) -> DomainError:
    """The webhook has more updates than one may have."""
    text = f"has {count} items; must have at most {count_max}"
    return invalid(Violation(field="body", description=text))
