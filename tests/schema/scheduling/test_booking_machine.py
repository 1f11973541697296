"""Whatever is booked, held, moved, cancelled and waited for in whatever order: nothing overlaps,
and no entry waits for free time.

A Hypothesis state machine beside a model of the calendar that knows nothing of SQL.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.chassis.database import Database, pooled
from services.chassis.errors import DomainError
from tests.conftest import config_for, with_login
from tests.sampling import examples
from tests.schema.scheduling import bookings, builders
from tests.schema.scheduling.booking_model import STEP, Model, Taken, Waiting
from tests.schema.scheduling.builders import NOW

Answer = TypeVar("Answer")
places = st.integers(0, 11)
lengths = st.sampled_from([15, 30, 60])
START = NOW + timedelta(days=1)
HOLD_SECONDS = 60


class Booking(RuleBasedStateMachine):
    """One calendar of one seat or two, three hours of it, and a clock that moves."""

    loop: asyncio.AbstractEventLoop
    db: Database

    @initialize(
        capacity=st.integers(1, 2), buffers=st.sampled_from([(0, 0), (15, 0), (0, 30)]),
        needs_approval=st.booleans(),
    )  # fmt: skip
    def begin(self, capacity: int, buffers: tuple[int, int], needs_approval: bool) -> None:
        before, after = buffers
        self.model = Model(
            now=NOW, capacity=capacity,
            before=timedelta(minutes=before), after=timedelta(minutes=after),
        )  # fmt: skip
        self.org_id = uuid4()
        self.calendar_id = self.run(
            builders.a_calendar(
                self.db, self.org_id, capacity=capacity,
                buffer_before_minutes=before, buffer_after_minutes=after,
            )
        )  # fmt: skip
        self.service_id = self.run(
            builders.a_service(
                self.db, self.org_id, [self.calendar_id],
                p_durations_minutes=[15, 30, 60], p_needs_approval=needs_approval,
            )
        )  # fmt: skip
        self.pending: set[str] = set()
        self.needs_approval = needs_approval

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.loop.run_until_complete(work)

    def attempt(self, work: Coroutine[Any, Any, Answer]) -> Answer | str:
        """The answer, or the reason of the refusal."""
        try:
            return self.run(work)
        except DomainError as refused:
            return refused.reason

    def settle(self) -> None:
        """Promotes in the model, and finds that the database promoted the same."""
        promoted = self.model.settle()
        entries = {
            row["entry"]["entry_id"]: row["entry"]["appointment_id"]
            for row in self.run(
                self.db.rows(
                    "list_waitlist", p_org_id=self.org_id, p_status="promoted", p_limit=500
                )
            )
        }
        assert {str(entry_id) for entry_id in promoted} <= set(entries)
        self.model.name_promoted(entries)

    @rule(place=places, minutes=lengths, by_service=st.booleans())
    def book(self, place: int, minutes: int, by_service: bool) -> None:
        start = START + place * STEP
        answer = self.attempt(
            bookings.book(
                self.db, self.org_id, None if by_service else self.calendar_id, start, minutes,
                now=self.model.now, p_service_id=self.service_id if by_service else None,
            )
        )  # fmt: skip
        seat = self.model.free_seat(start, minutes)
        assert (answer != "SLOT_TAKEN") == (seat is not None), answer
        if isinstance(answer, dict) and seat is not None:
            id_ = answer["appointment_id"]
            self.model.booked[id_] = Taken(start=start, minutes=minutes, seat=seat)
            assert (answer["status"] == "pending") == (by_service and self.needs_approval)
            if answer["status"] == "pending":
                self.pending.add(id_)

    @rule(place=places, minutes=lengths)
    def hold(self, place: int, minutes: int) -> None:
        start, now = START + place * STEP, self.model.now
        answer = self.attempt(
            bookings.hold(
                self.db, self.org_id, self.calendar_id, start, minutes,
                seconds=HOLD_SECONDS, now=now,
            )
        )  # fmt: skip
        seat = self.model.free_seat(start, minutes)
        assert (answer != "SLOT_TAKEN") == (seat is not None), answer
        if isinstance(answer, UUID) and seat is not None:
            until = now + timedelta(seconds=HOLD_SECONDS)
            self.model.held[answer] = Taken(start=start, minutes=minutes, seat=seat, until=until)

    @precondition(lambda self: self.model.held)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        hold_id = data.draw(st.sampled_from(list(self.model.held)))
        held, now = self.model.held.pop(hold_id), self.model.now
        answer = self.attempt(bookings.confirm(self.db, self.org_id, hold_id, now=now))
        assert held.until
        assert (answer != "HOLD_ENDED") == (held.until > now), answer
        if isinstance(answer, dict):
            self.model.booked[answer["appointment_id"]] = replace(held, until=None)

    @precondition(lambda self: self.model.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        hold_id = data.draw(st.sampled_from(list(self.model.held)))
        self.model.held.pop(hold_id)
        answer = self.run(bookings.release(self.db, self.org_id, hold_id, now=self.model.now))
        # One that a booking ended as stale is answered as it is: the sweep gives its time away.
        if answer["status"] == "released":
            self.settle()

    @precondition(lambda self: self.model.booked)
    @rule(data=st.data(), place=places)
    def move(self, data: st.DataObject, place: int) -> None:
        id_ = data.draw(st.sampled_from(list(self.model.booked)))
        was = self.model.booked[id_]
        start = START + place * STEP
        answer = self.attempt(bookings.move(self.db, self.org_id, id_, start, now=self.model.now))
        seat = self.model.free_seat(start, was.minutes, but=id_)
        if start == was.start:
            assert isinstance(answer, dict)
            return
        assert (answer != "SLOT_TAKEN") == (seat is not None), answer
        if isinstance(answer, dict) and seat is not None:
            self.model.booked[id_] = Taken(start=start, minutes=was.minutes, seat=seat)
            self.settle()

    @precondition(lambda self: self.model.booked)
    @rule(data=st.data(), deletes=st.booleans())
    def cancel(self, data: st.DataObject, deletes: bool) -> None:
        id_ = data.draw(st.sampled_from(list(self.model.booked)))
        self.model.booked.pop(id_)
        self.pending.discard(id_)
        end = bookings.delete if deletes else bookings.cancel
        self.run(end(self.db, self.org_id, id_, now=self.model.now))
        self.settle()

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.pending)))
        self.pending.remove(id_)
        answer = self.run(bookings.step(self.db, self.org_id, id_, "confirmed", now=self.model.now))
        assert answer["status"] == "confirmed"

    @rule(place=places, minutes=lengths, span=st.integers(1, 4))
    def join(self, place: int, minutes: int, span: int) -> None:
        earliest = START + place * STEP
        latest = earliest + span * STEP
        entry_id = self.run(
            bookings.join(
                self.db, self.org_id, self.calendar_id, earliest, latest, minutes,
                now=self.model.now,
            )
        )  # fmt: skip
        entry = Waiting(entry_id=entry_id, earliest=earliest, latest=latest, minutes=minutes)
        self.model.waiting.append(entry)
        if self.model.first_fit(entry):
            self.settle()
        # Who joins later stands behind.
        self.model.now += timedelta(seconds=1)

    @precondition(lambda self: self.model.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.model.waiting))
        self.model.waiting.remove(entry)
        answer = self.run(bookings.leave(self.db, self.org_id, entry.entry_id, now=self.model.now))
        assert answer["status"] == "left"

    @rule()
    def sweep(self) -> None:
        # Each tick has a second of its own.
        self.model.now += timedelta(seconds=1)
        now = self.model.now
        self.run(
            self.db.value(
                "expire_slot_holds",
                p_limit=500, p_every_seconds=1.0, p_traceparent=builders.trace(), p_now=now,
            )
        )  # fmt: skip
        self.run(bookings.promote_waiting(self.db, now=now))
        self.settle()

    @rule(seconds=st.sampled_from([1, HOLD_SECONDS - 1, HOLD_SECONDS]))
    def wait(self, seconds: int) -> None:
        self.model.now += timedelta(seconds=seconds)

    @invariant()
    def what_is_listed_is_what_the_model_says(self) -> None:
        end, now = START + timedelta(hours=3), self.model.now
        listed = self.run(
            builders.starts(self.db, self.org_id, self.calendar_id, START, end, minutes=30, now=now)
        )
        starts: list[datetime] = [START + place * STEP for place in range(12)]
        assert listed == [at for at in starts if self.model.free_seat(at, 30)]
        rows = self.run(
            self.db.rows(
                "list_appointments", p_org_id=self.org_id, p_calendar_id=self.calendar_id,
                p_contact_id=None, p_status="open", p_from=None, p_to=None, p_limit=500,
            )
        )  # fmt: skip
        known = [row["appointment"]["appointment_id"] for row in rows]
        assert sorted(known) == sorted(self.model.booked)

    @invariant()
    def all_equations_hold(self) -> None:
        assert self.run(bookings.broken_equations(self.db)) == {}


def test_nothing_overlaps_and_no_entry_waits_for_free_time(database_url: str) -> None:
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    try:
        Booking.loop = loop
        opened = pooled("scheduling", config_for(with_login(database_url, "waybill_scheduling")))
        Booking.db = loop.run_until_complete(stack.enter_async_context(opened))
        run_state_machine_as_test(
            Booking,
            settings=settings(
                max_examples=examples(25),
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()
