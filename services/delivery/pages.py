"""Where a page of a list starts, how long it is, and where the next one does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from services.chassis.errors import DomainError, Violation, invalid
from services.chassis.page_tokens import REFUSED_TEXT, decode, encode, page_size

Row = TypeVar("Row")
Start = TypeVar("Start")
_VERSION_MAX = 2**63 - 1


class Paged(Protocol):
    """A request for a page of a list."""

    @property
    def page_size(self) -> int:
        """Rows per page, or 0."""

    @property
    def page_token(self) -> str:
        """Where the page before ended, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Start]):
    """A page that was asked for; `scope` names the list with its filters."""

    scope: str
    limit: int
    start: Start | None

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


def parse_page(request: Paged, *scope: object) -> Page[UUID]:
    """A page of a list that is sorted by id. Raises PAGE_TOKEN_REFUSED."""
    return _parse(request, scope, _parse_id)


def parse_ledger_page(request: Paged, *scope: object) -> Page[tuple[int, str]]:
    """A page of the ledger, sorted by version and account. Raises PAGE_TOKEN_REFUSED."""
    return _parse(request, scope, _parse_version)


def _parse(
    request: Paged, scope: tuple[object, ...], start_of: Callable[[tuple[str, ...]], Start]
) -> Page[Start]:
    name = ":".join("" if part is None else str(part) for part in scope)
    try:
        limit = page_size(request.page_size)
    except ValueError as error:
        raise invalid(Violation(field="page_size", description=str(error))) from None
    if not request.page_token:
        return Page(scope=name, limit=limit, start=None)
    try:
        start = start_of(decode(request.page_token, scope=name))
    except ValueError:
        raise DomainError("PAGE_TOKEN_REFUSED", REFUSED_TEXT) from None
    return Page(scope=name, limit=limit, start=start)


def _parse_id(keys: tuple[str, ...]) -> UUID:
    (key,) = keys
    return UUID(key)


def _parse_version(keys: tuple[str, ...]) -> tuple[int, str]:
    version, account = keys
    if not 0 <= int(version) <= _VERSION_MAX or "\0" in account:
        raise ValueError(REFUSED_TEXT)
    return int(version), account
