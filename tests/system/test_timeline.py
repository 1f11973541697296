"""What scheduling and delivery do stands in sync's timeline, in the trace that it happened in."""

import json
from typing import TypeAlias
from uuid import UUID

import asyncpg

from deploy.local.sample_customer import Customer
from deploy.local.samples import Samples
from deploy.local.scheduling_samples import SchedulingSamples
from deploy.local.stack import Stack
from tests.system.test_consistency_check import waybill
from tests.system.waiting import until

Rows: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

REPORTED = """select e.type, e.trace_id, e.subject_id, e.payload, t.outcome
          from sync.contact_interaction_events e
          join sync.told_events t using (org_id, event_id)
          where e.org_id = $1 and t.teller = $2 and $3 in (e.lead_id, e.subject_id)
          order by e.occurred_at, e.type desc"""


async def told_of(
    rows: Rows, customer: Customer, teller: str, id_: str, types: list[str]
) -> list["asyncpg.Record"]:
    """The events of a lead or a subject, as soon as they are all there."""

    async def reported() -> "list[asyncpg.Record] | None":
        events = await rows.fetch(REPORTED, UUID(customer.org_id), teller, UUID(id_))
        return events if [event["type"] for event in events] == types else None

    return await until(reported)


async def until_traced(
    stack: Stack, customer: Customer, trace_id: str, entries: set[tuple[str, str, str]]
) -> None:
    """Returns when `waybill trace` prints them all: service, name and outcome."""

    async def traced() -> bool:
        code, output = await waybill(stack, customer, "trace", trace_id, "--json")
        assert code == 0, output
        (waterfall,) = json.loads(output)["waterfalls"]
        bars = {(bar["service"], bar["name"], bar["outcome"]) for bar in waterfall["bars"]}
        return entries <= bars

    await until(traced)


async def test_a_booking_and_its_changes_are_in_the_timeline_and_in_the_trace(
    stack: Stack, customer: Customer, rows: Rows
) -> None:
    outcome = await SchedulingSamples(customer).booking()
    ((_, appointment_id),) = outcome.found_by
    events = await told_of(
        rows,
        customer,
        "scheduling",
        appointment_id,
        ["appointment_booked", "appointment_rescheduled", "appointment_cancelled"],
    )
    booked = await rows.fetchrow(
        "select contact_id, trace_id from scheduling.appointments where appointment_id = $1",
        UUID(appointment_id),
    )
    assert booked is not None
    assert {event["outcome"] for event in events} == {"stored"}
    facts = json.loads(events[0]["payload"])
    assert facts["contact_id"] == str(booked["contact_id"])
    assert facts["status"] == "confirmed"
    await until_traced(
        stack,
        customer,
        booked["trace_id"],
        {
            ("scheduling", "handoff sync.appointment_events", "sent"),
            ("sync", "event appointment_booked", "stored"),
        },
    )


async def test_an_offer_and_its_delivery_are_in_the_leads_timeline_and_trace(
    stack: Stack, customer: Customer, rows: Rows, samples: Samples
) -> None:
    outcome = await samples.api_lead()
    ((_, lead_id),) = outcome.found_by
    events = await told_of(
        rows, customer, "delivery", lead_id, ["offer_made", "delivery_delivered"]
    )
    delivery = await rows.fetchrow(
        "select delivery_id, offer_id, trace_id from delivery.deliveries where lead_id = $1",
        UUID(lead_id),
    )
    assert delivery is not None
    assert [event["subject_id"] for event in events] == [
        delivery["offer_id"],
        delivery["delivery_id"],
    ]
    assert {event["trace_id"] for event in events} == {delivery["trace_id"]}
    assert json.loads(events[1]["payload"])["credits_consumed"] == 1
    await until_traced(
        stack,
        customer,
        delivery["trace_id"],
        {
            ("delivery", "handoff sync.delivery_events", "sent"),
            ("sync", "event offer_made", "stored"),
            ("sync", "event delivery_delivered", "stored"),
        },
    )
