"""Asks every service to check its rows, and reads again the totals that changed meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from services.console.client import Client
from services.console.consistency import (
    ConsistencyReport,
    Equation,
    ServiceReport,
    check,
    services_to_read_again,
)
from services.console.consistency_view import render_report
from services.console.fan_out import Replies, fan_out
from services.console.settings import SERVICES, Credential
from waybill.trace.v1.trace_service_pb2 import VerifyBooksRequest, VerifyBooksResponse

__all__ = ["check_consistency", "render_report"]

# Totals of two services are read one after the other while leads pass between them. A difference
# that outlives all these waits is not one of those leads: it is in flight under a lease, or real.
WAITS_SECONDS: Final = (0.5, 1.0, 2.0, 4.0)


async def check_consistency(
    client: Client,
    *,
    waits_seconds: Sequence[float] = WAITS_SECONDS,
    on_wait: Callable[[Sequence[str], float], None] = lambda services, seconds: None,
) -> ConsistencyReport:
    """The consistency of all services, checked within each and across them.

    Where totals differ their services are read again after each of the waits, and `on_wait` is
    called (services, seconds). Each service's last answer counts. A service that could not be asked
    is a gap, and with one the report does not hold.
    Raises CallFailedError where no service answered and one refused; SettingMissingError.
    """
    replies = await _ask(client, SERVICES)
    services, gaps = _service_reports(replies), {gap.service: gap for gap in replies.gaps}
    report = check(services, tuple(gaps.values()))
    for reading, seconds in enumerate(waits_seconds, start=2):
        again = services_to_read_again(report)
        if not again:
            break
        on_wait(again, seconds)
        await asyncio.sleep(seconds)
        replies = await _ask(client, again)
        services |= _service_reports(replies)
        gaps |= {gap.service: gap for gap in replies.gaps}
        report = check(services, tuple(gaps.values()), reading)
    return report


async def _ask(client: Client, services: Sequence[str]) -> Replies[VerifyBooksResponse]:
    requests = {service: VerifyBooksRequest() for service in services}
    return await fan_out(client, lambda traces: traces.VerifyBooks, requests, Credential.OPERATOR)


def _service_reports(replies: Replies[VerifyBooksResponse]) -> dict[str, ServiceReport]:
    return {
        service: to_service_report(service, answer) for service, answer in replies.responses.items()
    }


def to_service_report(service: str, answer: VerifyBooksResponse) -> ServiceReport:
    """What one service reported."""
    return ServiceReport(
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
        in_flight=dict(answer.in_flight),
    )
