"""ServiceReport read from real servers over real channels."""

from collections.abc import Sequence

from services.console.consistency_check import check_consistency
from tests.unit.console.fake_traces import FakeTraces, Serving
from waybill.trace.v1.trace_service_pb2 import Equation, VerifyBooksResponse


def totals(**totals: int) -> VerifyBooksResponse:
    return VerifyBooksResponse(equations=[Equation(name="adds up", holds=True)], totals=totals)


def some_sync() -> FakeTraces:
    """Sync, which took over what the others handed to it."""
    taken_over = totals(
        events_taken_over_from_ingest=3,
        events_taken_over_from_scheduling=2,
        events_taken_over_from_delivery=8,
    )
    return FakeTraces(consistency=[taken_over])


def some_scheduling() -> FakeTraces:
    """Scheduling, which handed two events over."""
    return FakeTraces(consistency=[totals(appointment_events_handed_over=2)])


async def test_books_are_asked_for_as_the_operator(serving: Serving) -> None:
    ingest = FakeTraces(consistency=[totals(leads_handed_over=5, events_handed_over=3)])
    services = await serving(
        ingest=ingest,
        routing=FakeTraces(consistency=[totals(leads_taken_over=5, offers_handed_over=4)]),
        delivery=FakeTraces(
            consistency=[totals(offers_taken_over=4, delivery_events_handed_over=8)]
        ),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    async with services.client() as client:
        report = await check_consistency(client)
    assert report.holds
    assert report.readings == 1
    assert ingest.metadata[0]["authorization"] == "Bearer operator-token"


async def test_totals_that_moved_meanwhile_are_read_again(serving: Serving) -> None:
    ingest = FakeTraces(
        consistency=[
            totals(leads_handed_over=4, events_handed_over=3),
            totals(leads_handed_over=5, events_handed_over=3),
        ]
    )
    delivery = FakeTraces(consistency=[totals(offers_taken_over=4, delivery_events_handed_over=8)])
    services = await serving(
        ingest=ingest,
        routing=FakeTraces(consistency=[totals(leads_taken_over=5, offers_handed_over=4)]),
        delivery=delivery,
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    waits: list[tuple[tuple[str, ...], float]] = []

    def note(names: Sequence[str], seconds: float) -> None:
        waits.append((tuple(names), seconds))

    async with services.client() as client:
        report = await check_consistency(client, waits_seconds=(0, 0, 0), on_wait=note)
    assert report.holds
    assert report.readings == 2
    assert waits == [(("ingest", "routing"), 0)]
    assert len(delivery.asked) == 1, "only the two that differ are read again"


async def test_totals_that_stay_apart_are_broken_after_the_last_reading(serving: Serving) -> None:
    services = await serving(
        ingest=FakeTraces(consistency=[totals(leads_handed_over=5, events_handed_over=3)]),
        routing=FakeTraces(consistency=[totals(leads_taken_over=5, offers_handed_over=4)]),
        delivery=FakeTraces(
            consistency=[totals(offers_taken_over=3, delivery_events_handed_over=8)]
        ),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    async with services.client() as client:
        report = await check_consistency(client, waits_seconds=(0, 0))
    assert not report.holds
    assert report.readings == 3
    assert [each.holds for each in report.handoffs] == [True, False, True, True, True]


async def test_a_service_that_cannot_be_reached_is_a_failure(serving: Serving) -> None:
    services = await serving(
        ingest=FakeTraces(consistency=[totals(leads_handed_over=5, events_handed_over=3)]),
        routing=FakeTraces(consistency=[totals(leads_taken_over=5, offers_handed_over=4)]),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    async with services.client() as client:
        report = await check_consistency(client, waits_seconds=())
    assert not report.holds
    assert [gap.service for gap in report.gaps] == ["delivery"]
