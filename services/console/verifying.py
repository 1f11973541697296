"""Asks every service to add up its books, and reads again what moved meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from services.console.books import Books, Equation, Verdict, check, to_read_again
from services.console.books_view import render_verdict
from services.console.client import Client
from services.console.settings import SERVICES, Identity
from services.console.survey import Survey, survey
from waybill.trace.v1.trace_service_pb2 import VerifyBooksRequest, VerifyBooksResponse

__all__ = ["render_verdict", "verify"]

# Totals of two services are read one after the other while leads pass between them. A difference
# that outlives all these waits is not one of those leads.
WAITS_SECONDS: Final = (0.5, 1.0, 2.0, 4.0)


async def verify(
    client: Client,
    *,
    waits_seconds: Sequence[float] = WAITS_SECONDS,
    on_wait: Callable[[Sequence[str], float], None] = lambda services, seconds: None,
) -> Verdict:
    """The books of all services, checked within each and across them.

    Where totals differ their services are read again after each of the waits, and `on_wait` hears
    of it (services, seconds). Each service's last answer counts. A service that could not be asked
    is a gap, and with one the verdict does not hold.
    Raises CallFailedError where no service answered and one refused; SettingMissingError.
    """
    said = await _ask(client, SERVICES)
    books, gaps = _books(said), {gap.service: gap for gap in said.gaps}
    verdict = check(books, tuple(gaps.values()))
    for reading, seconds in enumerate(waits_seconds, start=2):
        again = to_read_again(verdict)
        if not again:
            break
        on_wait(again, seconds)
        await asyncio.sleep(seconds)
        said = await _ask(client, again)
        books |= _books(said)
        gaps |= {gap.service: gap for gap in said.gaps}
        verdict = check(books, tuple(gaps.values()), reading)
    return verdict


async def _ask(client: Client, services: Sequence[str]) -> Survey[VerifyBooksResponse]:
    requests = {service: VerifyBooksRequest() for service in services}
    return await survey(client, lambda traces: traces.VerifyBooks, requests, Identity.OPERATOR)


def _books(said: Survey[VerifyBooksResponse]) -> dict[str, Books]:
    return {service: to_books(service, answer) for service, answer in said.answers.items()}


def to_books(service: str, answer: VerifyBooksResponse) -> Books:
    """What one service said."""
    return Books(
        service=service,
        equations=tuple(
            Equation(
                name=each.name,
                holds=each.holds,
                violation_count=each.violation_count,
                violations=tuple(each.violations),
            )
            for each in answer.equations
        ),
        totals=dict(answer.totals),
    )
