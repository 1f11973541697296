"""The services of several services, added up."""

from io import StringIO

import pytest
from rich.console import Console

from services.console.consistency import (
    Equation,
    ServiceReport,
    check,
    services_to_read_again,
    to_json,
)
from services.console.consistency_view import render_report
from services.console.waterfall import Gap
from tests.unit.console.builders import a_service


def the_services(**changes: ServiceReport) -> dict[str, ServiceReport]:
    return {
        "ingest": a_service("ingest", leads_handed_over=5, events_handed_over=3),
        "routing": a_service("routing", leads_taken_over=5, offers_handed_over=4),
        "delivery": a_service("delivery", offers_taken_over=4, delivery_events_handed_over=8),
        "scheduling": a_service("scheduling", appointment_events_handed_over=2),
        "sync": a_service(
            "sync",
            events_taken_over_from_ingest=3,
            events_taken_over_from_scheduling=2,
            events_taken_over_from_delivery=8,
        ),
    } | changes


def drawn(services: dict[str, ServiceReport], *gaps: Gap, readings: int = 1) -> str:
    console = Console(file=StringIO(), width=120, highlight=False)
    console.print(render_report(check(services, gaps, readings)))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_totals_that_are_equal_hold() -> None:
    report = check(the_services())
    assert report.holds
    assert services_to_read_again(report) == ()
    text = drawn(the_services())
    assert "✓ ingest adds up" in text
    assert "✓ ingest.leads_handed_over = routing.leads_taken_over  5 and 5" in text
    assert "✓ routing.offers_handed_over = delivery.offers_taken_over  4 and 4" in text
    assert "✗" not in text


def test_a_broken_equation_names_its_rows() -> None:
    services = the_services(routing=a_service("routing", "leads 0193: has no trace",
                                         leads_taken_over=5, offers_handed_over=4))  # fmt: skip
    report = check(services)
    assert (report.holds, report.broken_count) == (False, 1)
    text = drawn(services)
    assert "✗ routing adds up  1 row\n" in text
    assert "leads 0193: has no trace" in text
    assert "1 thing must be looked into." in text


def test_rows_beyond_those_that_are_named_are_counted() -> None:
    equation = Equation(name="adds up", holds=False, violation_count=250, violations=("a", "b"))
    services = ServiceReport(
        service="ingest", equations=(equation,), totals={"leads_handed_over": 5}
    )
    assert "and 248 more" in drawn(the_services(ingest=services))


def test_leads_lost_between_services_are_reported() -> None:
    services = the_services(
        delivery=a_service("delivery", offers_taken_over=3, delivery_events_handed_over=8)
    )
    report = check(services)
    assert [each.holds for each in report.handoffs] == [True, False, True, True, True]
    assert not report.holds
    assert services_to_read_again(report) == ("routing", "delivery")
    text = drawn(services, readings=5)
    assert (
        "✗ routing.offers_handed_over = delivery.offers_taken_over  4 and 3, read 5 times" in text
    )


def offers_taken_over(count: int, *, in_flight: int) -> dict[str, ServiceReport]:
    """Routing handed over four offers, and has some in flight."""
    return the_services(
        routing=a_service(
            "routing",
            in_flight={"delivery.offer_leads": in_flight},
            leads_taken_over=5,
            offers_handed_over=4,
        ),
        delivery=a_service("delivery", offers_taken_over=count, delivery_events_handed_over=8),
    )


def test_a_difference_that_rows_in_flight_explain_holds_and_is_told() -> None:
    services = offers_taken_over(6, in_flight=3)
    report = check(services)
    assert (report.holds, report.unsettled_count) == (True, 2)
    assert services_to_read_again(report) == ("routing", "delivery"), "it may settle meanwhile"
    assert services_to_read_again(check(services, readings=2)) == (), "the lease may last"
    text = drawn(services)
    assert "✓ routing.offers_handed_over = delivery.offers_taken_over  4 and 6, 2 in flight" in text
    assert "Everything is consistent, with 2 in flight: read again." in text
    found = to_json(report)
    assert (found["holds"], found["in_flight"]) == (True, 2)
    assert [each["in_flight"] for each in found["handoffs"]] == [0, 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("taken_over", "in_flight"),
    [(6, 1), (6, 0), (3, 5)],
    ids=["more than are in flight", "a lease ran out", "lost by the receiver"],
)
def test_a_difference_beyond_what_is_in_flight_is_broken(taken_over: int, in_flight: int) -> None:
    services = offers_taken_over(taken_over, in_flight=in_flight)
    report = check(services)
    assert (report.holds, report.broken_count, report.unsettled_count) == (False, 1, 0)
    text = drawn(services)
    assert "✗ routing.offers_handed_over = delivery.offers_taken_over" in text
    assert "in flight" not in text


def test_rows_in_flight_of_one_topic_explain_no_other() -> None:
    services = offers_taken_over(6, in_flight=0)
    services["ingest"] = a_service(
        "ingest",
        in_flight={"routing.enqueue_leads": 2},
        leads_handed_over=5,
        events_handed_over=3,
    )
    assert not check(services).holds


def test_a_missing_total_is_reported_and_not_read_again() -> None:
    report = check(the_services(delivery=a_service("delivery")))
    assert not report.holds
    assert services_to_read_again(report) == ()
    assert "4 and unknown" in drawn(the_services(delivery=a_service("delivery")))


def test_a_service_that_cannot_be_reached_is_reported() -> None:
    services = the_services()
    del services["delivery"]
    gap = Gap(service="delivery", problem="delivery could not be reached at 127.0.0.1:1.")
    report = check(services, [gap])
    assert not report.holds
    assert "✗ delivery: delivery could not be reached at 127.0.0.1:1." in drawn(services, gap)
    assert to_json(report)["missing"] == [{"service": "delivery", "problem": gap.problem}]


def test_json_names_every_equation_and_total() -> None:
    said = to_json(check(the_services(), readings=2))
    assert (said["holds"], said["readings"]) == (True, 2)
    assert said["services"][1] == {
        "service": "routing",
        "equations": [
            {"name": "routing adds up", "holds": True, "violation_count": 0, "violations": []}
        ],
        "totals": {"leads_taken_over": 5, "offers_handed_over": 4},
    }
    assert said["handoffs"][0] == {
        "name": "ingest.leads_handed_over = routing.leads_taken_over",
        "holds": True,
        "handed_over": 5,
        "taken_over": 5,
        "in_flight": 0,
    }
