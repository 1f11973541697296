"""Pagination of the ledger."""

from typing import Final

from services.chassis.rpc.page_tokens import REFUSED_TEXT
from services.chassis.rpc.pagination import ListPage, Paged, parse_page_from

_VERSION_MAX: Final = 2**63 - 1


def parse_ledger_page(request: Paged, *scope: object) -> ListPage[tuple[int, str]]:
    """A page of the ledger, sorted by version and account. Raises PAGE_TOKEN_REFUSED."""
    return parse_page_from(request, _version, *scope)


def _version(keys: tuple[str, ...]) -> tuple[int, str]:
    version, account = keys
    if not 0 <= int(version) <= _VERSION_MAX or "\0" in account:
        raise ValueError(REFUSED_TEXT)
    return int(version), account
