"""A calendar as a model that knows nothing of SQL: seats, buffers, holds and the waitlist."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A time that is booked or held, and the seat it has; `until`: when a hold ends."""

    start: datetime
    minutes: int
    seat: int
    until: datetime | None = None

    @property
    def end(self) -> datetime:
        """When it ends."""
        return self.start + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A contact that waits for a slot that begins from `earliest` until before `latest`."""

    entry_id: UUID
    earliest: datetime
    latest: datetime
    minutes: int


@dataclass(slots=True, kw_only=True)
class Model:
    """What is booked, held and waited for; keys are the database's ids."""

    now: datetime
    capacity: int = 1
    before: timedelta = timedelta()
    after: timedelta = timedelta()
    booked: dict[str, Taken] = field(default_factory=dict)
    held: dict[UUID, Taken] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)

    def free_seat(self, start: datetime, minutes: int, but: str | None = None) -> int | None:
        """The first seat that is free for it, buffers included, or None."""
        claim = (start - self.before, start + timedelta(minutes=minutes) + self.after)
        live = [each for id_, each in self.booked.items() if id_ != but]
        live += [each for each in self.held.values() if each.until and each.until > self.now]
        taken = {
            each.seat
            for each in live
            if each.start - self.before < claim[1] and claim[0] < each.end + self.after
        }
        free = [seat for seat in range(1, self.capacity + 1) if seat not in taken]
        return free[0] if free else None

    def first_fit(self, entry: Waiting) -> Taken | None:
        """The first slot that fits the entry, or None."""
        start = entry.earliest
        while start < entry.latest:
            seat = self.free_seat(start, entry.minutes)
            if seat is not None:
                return Taken(start=start, minutes=entry.minutes, seat=seat)
            start += STEP
        return None

    def settle(self) -> dict[UUID, Taken]:
        """Offers free time to the waitlist in order of arrival; returns what each entry got."""
        promoted = {}
        for entry in list(self.waiting):
            fit = self.first_fit(entry)
            if fit is not None:
                self.waiting.remove(entry)
                promoted[entry.entry_id] = fit
                # Until its appointment's id is known.
                self.booked[str(entry.entry_id)] = fit
        return promoted

    def name_promoted(self, entries: dict[str, Any]) -> None:
        """Has promoted ones under the ids of their appointments."""
        for entry_id, appointment_id in entries.items():
            if entry_id in self.booked:
                self.booked[appointment_id] = self.booked.pop(entry_id)
