"""The consistency check across services: pure, from what each service reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """What one service reports: its equations, and totals that must equal another service's."""

    service: str
    equations: tuple[Equation, ...]
    totals: Mapping[str, int]


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
    """What one service handed over and the next one took over: the counts must be equal."""

    handed_over: Total
    taken_over: Total

    @property
    def services(self) -> tuple[str, str]:
        """Both services."""
        return self.handed_over.service, self.taken_over.service


HANDOFFS: Final = (
    Handoff(
        handed_over=Total(service="ingest", name="leads_handed_over"),
        taken_over=Total(service="routing", name="leads_taken_over"),
    ),
    Handoff(
        handed_over=Total(service="routing", name="offers_handed_over"),
        taken_over=Total(service="delivery", name="offers_taken_over"),
    ),
    Handoff(
        handed_over=Total(service="ingest", name="events_handed_over"),
        taken_over=Total(service="sync", name="events_taken_over_from_ingest"),
    ),
    Handoff(
        handed_over=Total(service="scheduling", name="appointment_events_handed_over"),
        taken_over=Total(service="sync", name="events_taken_over_from_scheduling"),
    ),
    Handoff(
        handed_over=Total(service="delivery", name="delivery_events_handed_over"),
        taken_over=Total(service="sync", name="events_taken_over_from_delivery"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffCheck:
    """A handoff with both totals; None where a service did not report its own."""

    handoff: Handoff
    handed_over: int | None
    taken_over: int | None

    @property
    def is_known(self) -> bool:
        """Whether both services reported their totals."""
        return self.handed_over is not None and self.taken_over is not None

    @property
    def holds(self) -> bool:
        """Whether both are known and equal."""
        return self.is_known and self.handed_over == self.taken_over

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
    def holds(self) -> bool:
        """Whether every equation holds and every service could be asked."""
        return self.broken_count == 0


def check(
    services: Mapping[str, ServiceReport], gaps: Sequence[Gap] = (), readings: int = 1
) -> ConsistencyReport:
    """Checks what the services reported."""
    handoffs = tuple(
        HandoffCheck(
            handoff=handoff,
            handed_over=handoff.handed_over.of(services),
            taken_over=handoff.taken_over.of(services),
        )
        for handoff in HANDOFFS
    )
    return ConsistencyReport(
        services=services, handoffs=handoffs, gaps=tuple(gaps), readings=readings
    )


def services_to_read_again(report: ConsistencyReport) -> tuple[str, ...]:
    """The services whose totals differ from their neighbour's; both sides of each difference."""
    differing = [each for each in report.handoffs if each.is_known and not each.holds]
    services = [service for each in differing for service in each.handoff.services]
    return tuple(dict.fromkeys(services))


def to_json(report: ConsistencyReport) -> dict[str, Any]:
    """The report as `waybill verify --json` prints it."""
    return {
        "holds": report.holds,
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
            }
            for each in report.handoffs
        ],
        "readings": report.readings,
        "missing": gaps_to_json(report.gaps),
    }
