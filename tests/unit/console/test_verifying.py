"""Books read from real servers over real channels."""

from collections.abc import Sequence

from services.console.verifying import verify
from tests.unit.console.fake_traces import FakeTraces, Serving
from waybill.trace.v1.trace_service_pb2 import Equation, VerifyBooksResponse


def books(**totals: int) -> VerifyBooksResponse:
    return VerifyBooksResponse(equations=[Equation(name="adds up", holds=True)], totals=totals)


def some_sync() -> FakeTraces:
    """Sync, which took over what the others handed to it."""
    taken_over = books(
        events_taken_over_from_ingest=3,
        events_taken_over_from_scheduling=2,
        events_taken_over_from_delivery=8,
    )
    return FakeTraces(books=[taken_over])


def some_scheduling() -> FakeTraces:
    """Scheduling, which handed two events over."""
    return FakeTraces(books=[books(appointment_events_handed_over=2)])


async def test_books_are_asked_for_as_the_operator(serving: Serving) -> None:
    ingest = FakeTraces(books=[books(leads_handed_over=5, events_handed_over=3)])
    services = await serving(
        ingest=ingest,
        routing=FakeTraces(books=[books(leads_taken_over=5, offers_handed_over=4)]),
        delivery=FakeTraces(books=[books(offers_taken_over=4, delivery_events_handed_over=8)]),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    async with services.client() as client:
        verdict = await verify(client)
    assert verdict.holds
    assert verdict.readings == 1
    assert ingest.metadata[0]["authorization"] == "Bearer operator-token"


async def test_totals_that_moved_meanwhile_are_read_again(serving: Serving) -> None:
    ingest = FakeTraces(
        books=[
            books(leads_handed_over=4, events_handed_over=3),
            books(leads_handed_over=5, events_handed_over=3),
        ]
    )
    delivery = FakeTraces(books=[books(offers_taken_over=4, delivery_events_handed_over=8)])
    services = await serving(
        ingest=ingest,
        routing=FakeTraces(books=[books(leads_taken_over=5, offers_handed_over=4)]),
        delivery=delivery,
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    waits: list[tuple[tuple[str, ...], float]] = []

    def heard(names: Sequence[str], seconds: float) -> None:
        waits.append((tuple(names), seconds))

    async with services.client() as client:
        verdict = await verify(client, waits_seconds=(0, 0, 0), on_wait=heard)
    assert verdict.holds
    assert verdict.readings == 2
    assert waits == [(("ingest", "routing"), 0)]
    assert len(delivery.asked) == 1, "only the two that differ are read again"


async def test_totals_that_stay_apart_are_broken_after_the_last_reading(serving: Serving) -> None:
    services = await serving(
        ingest=FakeTraces(books=[books(leads_handed_over=5, events_handed_over=3)]),
        routing=FakeTraces(books=[books(leads_taken_over=5, offers_handed_over=4)]),
        delivery=FakeTraces(books=[books(offers_taken_over=3, delivery_events_handed_over=8)]),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    async with services.client() as client:
        verdict = await verify(client, waits_seconds=(0, 0))
    assert not verdict.holds
    assert verdict.readings == 3
    assert [each.holds for each in verdict.handoffs] == [True, False, True, True, True]


async def test_a_service_that_cannot_be_reached_is_a_failure(serving: Serving) -> None:
    services = await serving(
        ingest=FakeTraces(books=[books(leads_handed_over=5, events_handed_over=3)]),
        routing=FakeTraces(books=[books(leads_taken_over=5, offers_handed_over=4)]),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    async with services.client() as client:
        verdict = await verify(client, waits_seconds=())
    assert not verdict.holds
    assert [gap.service for gap in verdict.gaps] == ["delivery"]
