"""What sync refuses, by name."""

from uuid import UUID

from services.chassis.errors import DomainError, not_found
from services.sync.records.pulls import RunEnd, SyncRun


def session_not_found(session_id: UUID) -> DomainError:
    """SYNC_SESSION_NOT_FOUND."""
    return not_found("sync session", session_id, key_name="session_id")


def conversation_not_found(conversation_id: UUID) -> DomainError:
    """CONVERSATION_NOT_FOUND."""
    return not_found("conversation", conversation_id)


def page_token_dead(run: SyncRun, end: RunEnd) -> DomainError:
    """PAGE_TOKEN_DEAD, found by the run itself; its session keeps its place."""
    return DomainError(
        "PAGE_TOKEN_DEAD",
        "Meta refuses the page's token. Connect the page again, then resume.",
        metadata={
            "page_id": str(run.page_id),
            "error": end.error or "",
            "token_status": end.token_status or "",
            "session_id": str(run.session_id),
        },
    )


def sync_paused(run: SyncRun, end: RunEnd) -> DomainError:
    """SYNC_PAUSED: the run failed for good."""
    return DomainError(
        "SYNC_PAUSED",
        "Meta does not answer for the page. Try again later.",
        metadata={"page_id": str(run.page_id), "error": end.error or ""},
        retry_after_seconds=60,
    )
