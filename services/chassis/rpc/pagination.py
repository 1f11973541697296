"""Pages of lists: where one starts, how long it is, and where the next one starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from services.chassis.errors import DomainError, Violation, invalid
from services.chassis.rpc.page_tokens import REFUSED_TEXT, decode, encode, page_size

Row = TypeVar("Row")
PageStart = TypeVar("PageStart")


class Paged(Protocol):
    """A request for a page of a list."""

    @property
    def page_size(self) -> int:
        """Rows per page, or 0."""

    @property
    def page_token(self) -> str:
        """Where the page before ended, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage(Generic[PageStart]):
    """The page of a list that was asked for; `scope` names the list with its filters."""

    scope: str
    limit: int
    start: PageStart | None

    @property
    def rows_to_read(self) -> int:
        """One more than answered: it says whether there is a next page."""
        return self.limit + 1

    def split(
        self, rows: Sequence[Row], keys: Callable[[Row], tuple[str, ...]]
    ) -> tuple[Sequence[Row], str]:
        """The rows to answer with, and the token of the next page (empty: there is none)."""
        page = rows[: self.limit]
        if len(rows) <= self.limit:
            return page, ""
        return page, encode(keys(page[-1]), scope=self.scope)


def page_size_violations(request: object) -> list[Violation]:
    """What is wrong with the request's `page_size`, if it has one."""
    try:
        page_size(getattr(request, "page_size", 0))
    except ValueError as error:
        return [Violation(field="page_size", description=str(error))]
    return []


def parse_page(request: Paged, *scope: object) -> ListPage[UUID]:
    """A page of a list that is sorted by id. Raises PAGE_TOKEN_REFUSED, INVALID_REQUEST."""
    return parse_page_from(request, _id, *scope)


def parse_page_from(
    request: Paged, start_of: Callable[[tuple[str, ...]], PageStart], *scope: object
) -> ListPage[PageStart]:
    """A page of a list whose sort keys `start_of` reads; it raises ValueError where they are bad.

    Raises PAGE_TOKEN_REFUSED, INVALID_REQUEST.
    """
    name = ":".join("" if part is None else str(part) for part in scope)
    if violations := page_size_violations(request):
        raise invalid(*violations)
    limit = page_size(request.page_size)
    if not request.page_token:
        return ListPage(scope=name, limit=limit, start=None)
    try:
        start = start_of(decode(request.page_token, scope=name))
    except ValueError:
        raise DomainError("PAGE_TOKEN_REFUSED", REFUSED_TEXT) from None
    return ListPage(scope=name, limit=limit, start=start)


def _id(keys: tuple[str, ...]) -> UUID:
    (key,) = keys
    return UUID(key)
