"""The consistency check across services: pure, from what each service reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.console.waterfall import Gap, gaps_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """Something that must hold within one service, and the first hundred rows that break it."""

    name: str
    holds: bool
    violation_count: int = 0
    violations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReport:
    """What one service reports: its equations, and totals that must equal another service's.

    `in_flight` counts by topic the rows that may have been taken over without being settled yet.
    """

    service: str
    equations: tuple[Equation, ...]
    totals: Mapping[str, int]
    in_flight: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A total by its service and name."""

    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.service}.{self.name}"

    def of(self, services: Mapping[str, ServiceReport]) -> int | None:
        """Its value, or None where the service did not report it."""
        said = services.get(self.service)
        return None if said is None else said.totals.get(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """What one service handed over and the next one took over: the counts must be equal.

    `topic` is that of the outbox that it passes through.
    """

    topic: str
    handed_over: Total
    taken_over: Total

    @property
    def services(self) -> tuple[str, str]:
        """Both services."""
        return self.handed_over.service, self.taken_over.service


HANDOFFS: Final = (
    Handoff(
        topic="routing.enqueue_leads",
        handed_over=Total(service="ingest", name="leads_handed_over"),
        taken_over=Total(service="routing", name="leads_taken_over"),
    ),
    Handoff(
        topic="delivery.offer_leads",
        handed_over=Total(service="routing", name="offers_handed_over"),
        taken_over=Total(service="delivery", name="offers_taken_over"),
    ),
    Handoff(
        topic="sync.record_events",
        handed_over=Total(service="ingest", name="events_handed_over"),
        taken_over=Total(service="sync", name="events_taken_over_from_ingest"),
    ),
    Handoff(
        topic="sync.appointment_events",
        handed_over=Total(service="scheduling", name="appointment_events_handed_over"),
        taken_over=Total(service="sync", name="events_taken_over_from_scheduling"),
    ),
    Handoff(
        topic="sync.delivery_events",
        handed_over=Total(service="delivery", name="delivery_events_handed_over"),
        taken_over=Total(service="sync", name="events_taken_over_from_delivery"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffCheck:
    """A handoff with both totals; None where a service did not report its own.

    `in_flight` rows may have been taken over without being counted as handed over yet.
    """

    handoff: Handoff
    handed_over: int | None
    taken_over: int | None
    in_flight: int = 0

    @property
    def is_known(self) -> bool:
        """Whether both services reported their totals."""
        return self.handed_over is not None and self.taken_over is not None

    @property
    def is_equal(self) -> bool:
        """Whether both are known and equal."""
        return self.is_known and self.handed_over == self.taken_over

    @property
    def unsettled_count(self) -> int:
        """How many more were taken over than handed over, where rows in flight explain them."""
        if self.handed_over is None or self.taken_over is None:
            return 0
        # What was handed over is with the receiver: that it has fewer, nothing in flight explains.
        more = self.taken_over - self.handed_over
        return more if 0 < more <= self.in_flight else 0

    @property
    def holds(self) -> bool:
        """Whether both are known, and equal but for rows in flight."""
        return self.is_equal or self.unsettled_count > 0

    @property
    def name(self) -> str:
        """`ingest.leads_handed_over = routing.leads_taken_over`."""
        return f"{self.handoff.handed_over} = {self.handoff.taken_over}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyReport:
    """The reports of all services, checked; `readings` says how often totals were read."""

    services: Mapping[str, ServiceReport]
    handoffs: tuple[HandoffCheck, ...]
    gaps: tuple[Gap, ...]
    readings: int

    @property
    def broken_count(self) -> int:
        """Equations that do not hold, and services that could not be asked."""
        equations = [each for service in self.services.values() for each in service.equations]
        broken = sum(not each.holds for each in equations)
        return broken + sum(not each.holds for each in self.handoffs) + len(self.gaps)

    @property
    def unsettled_count(self) -> int:
        """Rows in flight that explain why two totals differ."""
        return sum(each.unsettled_count for each in self.handoffs)

    @property
    def holds(self) -> bool:
        """Whether every equation holds and every service could be asked."""
        return self.broken_count == 0

    @property
    def is_unknown(self) -> bool:
        """Whether what could be checked holds, and services that gave no answer are missing."""
        missing = {gap.service for gap in self.gaps if gap.is_outage}
        asked = [each for each in self.handoffs if missing.isdisjoint(each.handoff.services)]
        equations = [each for service in self.services.values() for each in service.equations]
        return (
            len(missing) == len(self.gaps) > 0
            and all(each.holds for each in equations)
            and all(each.holds for each in asked)
        )


def check(
    services: Mapping[str, ServiceReport], gaps: Sequence[Gap] = (), readings: int = 1
) -> ConsistencyReport:
    """Checks what the services reported."""
    handoffs = tuple(
        HandoffCheck(
            handoff=handoff,
            handed_over=handoff.handed_over.of(services),
            taken_over=handoff.taken_over.of(services),
            in_flight=_in_flight(handoff, services),
        )
        for handoff in HANDOFFS
    )
    return ConsistencyReport(
        services=services, handoffs=handoffs, gaps=tuple(gaps), readings=readings
    )


def _in_flight(handoff: Handoff, services: Mapping[str, ServiceReport]) -> int:
    sender = services.get(handoff.handed_over.service)
    return 0 if sender is None else sender.in_flight.get(handoff.topic, 0)


def services_to_read_again(report: ConsistencyReport) -> tuple[str, ...]:
    """The services whose totals differ from their neighbour's; both sides of each difference.

    One that rows in flight explain is read again once: most of them settle within a moment.
    """
    differing = [
        each
        for each in report.handoffs
        if each.is_known and not each.is_equal and (report.readings == 1 or not each.holds)
    ]
    services = [service for each in differing for service in each.handoff.services]
    return tuple(dict.fromkeys(services))


def to_json(report: ConsistencyReport) -> dict[str, Any]:
    """The report as `waybill verify --json` prints it."""
    return {
        "holds": report.holds,
        "in_flight": report.unsettled_count,
        "services": [
            {
                "service": service.service,
                "equations": [
                    {
                        "name": each.name,
                        "holds": each.holds,
                        "violation_count": each.violation_count,
                        "violations": list(each.violations),
                    }
                    for each in service.equations
                ],
                "totals": dict(sorted(service.totals.items())),
            }
            for service in report.services.values()
        ],
        "handoffs": [
            {
                "name": each.name,
                "holds": each.holds,
                "handed_over": each.handed_over,
                "taken_over": each.taken_over,
                "in_flight": each.unsettled_count,
            }
            for each in report.handoffs
        ],
        "readings": report.readings,
        "missing": gaps_to_json(report.gaps),
    }
