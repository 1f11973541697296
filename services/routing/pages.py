"""Where a page of a list starts and how long it is."""

from typing import Final, Protocol
from uuid import UUID

from services.chassis.errors import DomainError, Violation, invalid
from services.chassis.page_tokens import REFUSED_TEXT, decode, page_size
from services.routing.fields import PRIORITY_MAX

WORKSPACES: Final = "workspaces"
RULES: Final = "rules"


class Paged(Protocol):
    """A request for a page of a list."""

    @property
    def page_size(self) -> int:
        """Rows per page, or 0."""

    @property
    def page_token(self) -> str:
        """Where the page before ended, or empty."""


def parse_workspaces_page(request: Paged) -> tuple[int, UUID | None]:
    """Workspaces asked for, and the one to go on after. Raises PAGE_TOKEN_REFUSED."""
    limit = _parse_page_size(request)
    if not request.page_token:
        return limit, None
    try:
        (after,) = decode(request.page_token, scope=WORKSPACES)
        return limit, UUID(after)
    except ValueError:
        raise _page_token_refused() from None


def parse_rules_page(request: Paged) -> tuple[int, tuple[int, UUID] | None]:
    """Rules asked for, and the (priority, rule id) to go on after. Raises PAGE_TOKEN_REFUSED."""
    limit = _parse_page_size(request)
    if not request.page_token:
        return limit, None
    try:
        priority, rule_id = decode(request.page_token, scope=RULES)
        return limit, (min(abs(int(priority)), PRIORITY_MAX), UUID(rule_id))
    except ValueError:
        raise _page_token_refused() from None


def _parse_page_size(request: Paged) -> int:
    try:
        return page_size(request.page_size)
    except ValueError as error:
        raise invalid(Violation(field="page_size", description=str(error))) from None


def _page_token_refused() -> DomainError:
    return DomainError("PAGE_TOKEN_REFUSED", REFUSED_TEXT)
