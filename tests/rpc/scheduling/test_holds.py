"""Holds, the waitlist and approval over a real process."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.rpc.scheduling.callers import Tenant, outcome, refusal
from tests.schema.scheduling.builders import Admin
from tests.system.waiting import until
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOUR = timedelta(hours=1)


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


async def test_holds_waitlist_and_approval(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    service = await tenant.CreateService(
        pb.CreateServiceRequest(
            name="Viewing", durations_minutes=[60], calendar_ids=[calendar_id], needs_approval=True
        )
    )
    hold = pb.HoldSlotRequest(
        service_id=service.service.id, contact_id=str(uuid4()), duration_minutes=60
    )
    hold.scheduled_at.FromDatetime(in_hours(30))
    held = (await tenant.HoldSlot(hold)).hold
    assert await outcome(tenant.book(calendar_id, in_hours(30))) == "SLOT_TAKEN"
    confirmed = (await tenant.ConfirmHold(pb.ConfirmHoldRequest(hold_id=held.id))).appointment
    assert confirmed.status == "pending"
    approve = pb.ApproveAppointmentRequest(appointment_id=confirmed.id)
    assert (await tenant.ApproveAppointment(approve)).appointment.status == "confirmed"
    join = pb.JoinWaitlistRequest(
        calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60
    )
    join.earliest.FromDatetime(in_hours(30))
    join.latest.FromDatetime(in_hours(31))
    entry = (await tenant.JoinWaitlist(join)).entry
    await tenant.CancelAppointment(pb.CancelAppointmentRequest(appointment_id=confirmed.id))
    (found,) = (await tenant.ListWaitlist(pb.ListWaitlistRequest())).entries
    assert (found.id, found.status) == (entry.id, "promoted")
    answer = await tenant.GetAppointment(pb.GetAppointmentRequest(appointment_id=confirmed.id))
    assert [change.action for change in answer.changes] == ["booked", "approved", "cancelled"]


async def test_an_unconfirmed_hold_is_ended_by_the_sweep(tenant: Tenant, admin: Admin) -> None:
    calendar_id = await tenant.a_calendar()
    hold = pb.HoldSlotRequest(calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60)
    hold.scheduled_at.FromDatetime(in_hours(30))
    await tenant.HoldSlot(hold)
    await admin.execute(
        "update scheduling.holds set expires_at = now();"
        "update scheduling.claims set hold_expires_at = now()"
    )

    async def has_expired() -> bool:
        status = await admin.fetchval("select status from scheduling.holds")
        return bool(status == "expired")

    assert await until(has_expired)


async def test_holds_and_series_can_be_read(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    held = []
    for hour in range(3):
        hold = pb.HoldSlotRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60
        )
        hold.scheduled_at.FromDatetime(in_hours(30 + hour))
        held.append((await tenant.HoldSlot(hold)).hold)
    await tenant.ReleaseHold(pb.ReleaseHoldRequest(hold_id=held[1].id))
    listing = pb.ListHoldsRequest(status="live", page_size=1)
    first = await tenant.ListHolds(listing)
    listing.page_token = first.next_page_token
    second = await tenant.ListHolds(listing)
    assert [*first.holds, *second.holds] == [held[0], held[2]]
    released = (await tenant.GetHold(pb.GetHoldRequest(hold_id=held[1].id))).hold
    assert released.status == "released"
    missing = await refusal(tenant.GetHold(pb.GetHoldRequest(hold_id=str(uuid4()))))
    assert missing.reason == "HOLD_NOT_FOUND"
    day = f"{in_hours(72):%Y-%m-%d}T09:00"
    booked = await tenant.BookSeries(
        pb.BookSeriesRequest(
            calendar_id=calendar_id, contact_id=str(uuid4()), duration_minutes=60,
            local_start=day, rule="FREQ=DAILY;COUNT=2",
        )
    )  # fmt: skip
    series = await tenant.GetSeries(pb.GetSeriesRequest(series_id=booked.series_id))
    assert (series.series.rule, series.series.local_start) == ("FREQ=DAILY;COUNT=2", day)
    unknown = await refusal(tenant.GetSeries(pb.GetSeriesRequest(series_id=str(uuid4()))))
    assert unknown.reason == "SERIES_NOT_FOUND"
