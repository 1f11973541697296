"""The books of several services, added up."""

from io import StringIO

from rich.console import Console

from services.console.books import Books, Equation, check, to_json, to_read_again
from services.console.books_view import render_verdict
from services.console.waterfall import Gap
from tests.unit.console.builders import some_books


def the_books(**changes: Books) -> dict[str, Books]:
    return {
        "ingest": some_books("ingest", leads_handed_over=5, events_handed_over=3),
        "routing": some_books("routing", leads_taken_over=5, offers_handed_over=4),
        "delivery": some_books("delivery", offers_taken_over=4, delivery_events_handed_over=8),
        "scheduling": some_books("scheduling", appointment_events_handed_over=2),
        "sync": some_books(
            "sync",
            events_taken_over_from_ingest=3,
            events_taken_over_from_scheduling=2,
            events_taken_over_from_delivery=8,
        ),
    } | changes


def drawn(books: dict[str, Books], *gaps: Gap, readings: int = 1) -> str:
    console = Console(file=StringIO(), width=120, highlight=False)
    console.print(render_verdict(check(books, gaps, readings)))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_books_that_add_up_hold() -> None:
    verdict = check(the_books())
    assert verdict.holds
    assert to_read_again(verdict) == ()
    text = drawn(the_books())
    assert "✓ ingest adds up" in text
    assert "✓ ingest.leads_handed_over = routing.leads_taken_over  5 and 5" in text
    assert "✓ routing.offers_handed_over = delivery.offers_taken_over  4 and 4" in text
    assert "✗" not in text


def test_a_broken_equation_names_its_rows() -> None:
    books = the_books(routing=some_books("routing", "leads 0193: has no trace",
                                         leads_taken_over=5, offers_handed_over=4))  # fmt: skip
    verdict = check(books)
    assert (verdict.holds, verdict.broken_count) == (False, 1)
    text = drawn(books)
    assert "✗ routing adds up  1 row\n" in text
    assert "leads 0193: has no trace" in text
    assert "1 thing must be looked into." in text


def test_rows_beyond_those_that_are_named_are_counted() -> None:
    equation = Equation(name="adds up", holds=False, violation_count=250, violations=("a", "b"))
    books = Books(service="ingest", equations=(equation,), totals={"leads_handed_over": 5})
    assert "and 248 more" in drawn(the_books(ingest=books))


def test_leads_that_got_lost_between_services_break_the_books() -> None:
    books = the_books(
        delivery=some_books("delivery", offers_taken_over=3, delivery_events_handed_over=8)
    )
    verdict = check(books)
    assert [each.holds for each in verdict.handoffs] == [True, False, True, True, True]
    assert not verdict.holds
    assert to_read_again(verdict) == ("routing", "delivery")
    text = drawn(books, readings=5)
    assert (
        "✗ routing.offers_handed_over = delivery.offers_taken_over  4 and 3, read 5 times" in text
    )


def test_totals_that_a_service_does_not_say_break_the_books_and_are_not_read_again() -> None:
    verdict = check(the_books(delivery=some_books("delivery")))
    assert not verdict.holds
    assert to_read_again(verdict) == ()
    assert "4 and unknown" in drawn(the_books(delivery=some_books("delivery")))


def test_a_service_that_cannot_be_reached_breaks_the_books() -> None:
    books = the_books()
    del books["delivery"]
    gap = Gap(service="delivery", problem="delivery could not be reached at 127.0.0.1:1.")
    verdict = check(books, [gap])
    assert not verdict.holds
    assert "✗ delivery: delivery could not be reached at 127.0.0.1:1." in drawn(books, gap)
    assert to_json(verdict)["missing"] == [{"service": "delivery", "problem": gap.problem}]


def test_json_names_every_equation_and_total() -> None:
    said = to_json(check(the_books(), readings=2))
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
    }
