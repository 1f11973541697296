"""Whatever is booked, held, moved, cancelled and waited for in whatever order: nothing overlaps.

A Hypothesis state machine beside a model of the calendar that knows nothing of SQL.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
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
from tests.schema.scheduling import builders
from tests.schema.scheduling.builders import NOW

Answer = TypeVar("Answer")
places = st.integers(0, 11)
lengths = st.sampled_from([15, 30, 60])
START = NOW + timedelta(days=1)
HOLD_SECONDS = 60


class Booking(RuleBasedStateMachine):
    """One calendar of one seat, three hours of it, and a clock that moves."""

    loop: asyncio.AbstractEventLoop
    db: Database

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        self.org_id = uuid4()
        self.calendar_id = self.run(builders.a_calendar(self.db, self.org_id))
        self.booked: dict[str, tuple[datetime, datetime]] = {}
        self.held: dict[UUID, tuple[datetime, datetime, datetime]] = {}
        self.waiting: list[tuple[UUID, datetime, datetime, int]] = []

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self.loop.run_until_complete(work)

    def attempt(self, work: Coroutine[Any, Any, Answer]) -> Answer | str:
        """The answer, or the reason of the refusal."""
        try:
            return self.run(work)
        except DomainError as refused:
            return refused.reason

    def is_free(self, start: datetime, end: datetime, but: str | None = None) -> bool:
        taken = [each for id_, each in self.booked.items() if id_ != but]
        taken += [(begin, end) for begin, end, until in self.held.values() if until > self.now]
        return all(end <= other_start or other_end <= start for other_start, other_end in taken)

    def settle_waitlist(self, freed: tuple[datetime, datetime]) -> None:
        """Promotes in the model whom the database promotes: in order, the first free start."""
        for entry in list(self.waiting):
            _, earliest, latest, minutes = entry
            length = timedelta(minutes=minutes)
            if not (earliest < freed[1] and latest > freed[0] - length):
                continue
            at = max(earliest, freed[0] - length)
            while at < min(latest, freed[1]):
                if self.is_free(at, at + length):
                    self.waiting.remove(entry)
                    self.promote(entry[0], at, at + length)
                    break
                at += timedelta(minutes=15)

    def promote(self, entry_id: UUID, start: datetime, end: datetime) -> None:
        rows = self.run(self.db.rows("list_waitlist", p_org_id=self.org_id, p_status="promoted",
                                     p_limit=500))  # fmt: skip
        entries = {row["entry"]["entry_id"]: row["entry"]["appointment_id"] for row in rows}
        self.booked[entries[str(entry_id)]] = (start, end)

    @rule(place=places, minutes=lengths)
    def book(self, place: int, minutes: int) -> None:
        start = START + timedelta(minutes=15 * place)
        end = start + timedelta(minutes=minutes)
        answer = self.attempt(
            builders.book(self.db, self.org_id, self.calendar_id, start, minutes, now=self.now)
        )
        assert (answer != "SLOT_TAKEN") == self.is_free(start, end), answer
        if isinstance(answer, dict):
            self.booked[answer["appointment_id"]] = (start, end)

    @rule(place=places, minutes=lengths)
    def hold(self, place: int, minutes: int) -> None:
        start = START + timedelta(minutes=15 * place)
        end = start + timedelta(minutes=minutes)
        answer = self.attempt(
            builders.hold(
                self.db, self.org_id, self.calendar_id, start, minutes,
                seconds=HOLD_SECONDS, now=self.now,
            )
        )  # fmt: skip
        assert (answer != "SLOT_TAKEN") == self.is_free(start, end), answer
        if isinstance(answer, UUID):
            self.held[answer] = (start, end, self.now + timedelta(seconds=HOLD_SECONDS))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        hold_id = data.draw(st.sampled_from(list(self.held)))
        start, end, until = self.held.pop(hold_id)
        answer = self.attempt(builders.confirm(self.db, self.org_id, hold_id, now=self.now))
        assert (answer != "HOLD_ENDED") == (until > self.now), answer
        if isinstance(answer, dict):
            self.booked[answer["appointment_id"]] = (start, end)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        hold_id = data.draw(st.sampled_from(list(self.held)))
        rows = self.run(self.db.rows("list_appointments", **self.everything()))
        known = {row["appointment"]["appointment_id"] for row in rows}
        assert known == set(self.booked)
        start, end, _ = self.held.pop(hold_id)
        answer = self.run(builders.release(self.db, self.org_id, hold_id, now=self.now))
        if answer["status"] == "released":
            self.settle_waitlist((start, end))

    @precondition(lambda self: self.booked)
    @rule(data=st.data(), place=places)
    def move(self, data: st.DataObject, place: int) -> None:
        id_ = data.draw(st.sampled_from(list(self.booked)))
        was = self.booked[id_]
        start = START + timedelta(minutes=15 * place)
        end = start + (was[1] - was[0])
        answer = self.attempt(builders.move(self.db, self.org_id, id_, start, now=self.now))
        assert (answer != "SLOT_TAKEN") == self.is_free(start, end, but=id_), answer
        if isinstance(answer, dict):
            self.booked[id_] = (start, end)
            self.settle_waitlist(was)

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(list(self.booked)))
        was = self.booked.pop(id_)
        self.run(builders.cancel(self.db, self.org_id, id_, now=self.now))
        self.settle_waitlist(was)

    @rule(place=places, minutes=lengths, span=st.integers(1, 4))
    def join(self, place: int, minutes: int, span: int) -> None:
        earliest = START + timedelta(minutes=15 * place)
        latest = earliest + timedelta(minutes=15 * span)
        entry_id = self.run(
            builders.join(
                self.db, self.org_id, self.calendar_id, earliest, latest, minutes, now=self.now
            )
        )
        self.waiting.append((entry_id, earliest, latest, minutes))
        # Who joins later stands behind.
        self.now += timedelta(seconds=1)

    @rule(seconds=st.sampled_from([1, HOLD_SECONDS - 1, HOLD_SECONDS]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def everything(self) -> dict[str, Any]:
        return {
            "p_org_id": self.org_id, "p_calendar_id": None, "p_contact_id": None,
            "p_status": "confirmed", "p_from": None, "p_to": None, "p_limit": 500,
        }  # fmt: skip

    @invariant()
    def what_is_listed_is_what_the_model_says_is_free(self) -> None:
        end = START + timedelta(hours=3)
        listed = self.run(
            builders.starts(
                self.db, self.org_id, self.calendar_id, START, end, minutes=30, now=self.now
            )
        )
        half = timedelta(minutes=30)
        starts = [START + timedelta(minutes=15 * place) for place in range(12)]
        assert listed == [at for at in starts if self.is_free(at, at + half)]

    @invariant()
    def the_books_add_up(self) -> None:
        assert self.run(builders.broken_equations(self.db)) == {}


def test_nothing_overlaps_whatever_happens(database_url: str) -> None:
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    try:
        Booking.loop = loop
        opened = pooled("scheduling", config_for(with_login(database_url, "waybill_scheduling")))
        Booking.db = loop.run_until_complete(stack.enter_async_context(opened))
        run_state_machine_as_test(
            Booking,
            settings=settings(
                max_examples=25,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()
