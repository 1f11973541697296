"""Pages as the Graph emulator keeps them: conversations with messages, newest first, that move."""

import base64
import bisect
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

MESSAGES_SHOWN_MAX = 20
FIRST_MESSAGE_AT = 1_780_000_000


class PageOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page to be made: so many conversations with so many messages each, from a seed.

    `messages_max` above `messages_min` spreads the numbers; `broken` conversations at the end have
    no participants and messages without ids. `person` is what people's names begin with, `text`
    what they say.
    """

    conversations: int = 0
    messages_min: int = 10
    messages_max: int = 10
    broken: int = 0
    seed: int = 1
    token: str = "sandbox-page-token"
    person: str = "Contact"
    text: str = "text"


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a page answers from now on.

    `reject_cursors`: so many calls with a cursor are refused; `stale_cursors`: so many, after
    `stale_after` that are answered right, are accepted and answered from a wrong place
    (`stale_mode`: "skip", "head" or "end"). `empty_every`: each n-th page of the list is empty and
    has a next one. `moves_per_call`: so many conversations get a
    message after each page of the list. `reduce_above`: asking for more is too much data.
    `nested_max`: messages that come along with a list. `token_dies_after_calls`: from then on the
    page's token is refused. `time_paging`: messages are paged by time, as older edges do.
    `circling`: the cursors of the list, or of messages, lead back to where they came from.
    `error_calls`: so many calls are refused with `error_code` and `error_text`, after `error_after`
    that are not; only of `error_thread`, if one is named.
    """

    limit_max: int = 500
    nested_max: int = MESSAGES_SHOWN_MAX
    reject_cursors: int = 0
    stale_cursors: int = 0
    stale_after: int = 0
    stale_mode: str = "skip"
    stale_skip: int = 7
    empty_every: int = 0
    moves_per_call: int = 0
    reduce_above: int = 0
    calls_in_full: int = 100_000
    token_dies_after_calls: int = 0
    limits_calls: bool = True
    time_paging: bool = False
    circling: bool = False
    error_calls: int = 0
    error_after: int = 0
    error_code: int = 2
    error_text: str = "An unexpected error has occurred. Please retry your request later."
    error_thread: str = ""


@dataclass(slots=True)
class Said:
    """One message."""

    id: str
    at: int
    text: str
    from_page: bool

    def shown(self, page_id: str, contact_id: str) -> dict[str, Any]:
        """As the Graph API shows it."""
        page, contact = {"id": page_id, "name": "Page"}, {"id": contact_id, "name": "Contact"}
        sender, receiver = (page, contact) if self.from_page else (contact, page)
        return {
            "id": self.id,
            "created_time": iso(self.at),
            "from": sender,
            "to": {"data": [receiver]},
            "message": self.text,
        }


@dataclass(slots=True)
class Thread:
    """One conversation, its messages oldest first."""

    id: str
    contact_id: str
    messages: list[Said] = field(default_factory=list)
    broken: bool = False

    @property
    def updated_at(self) -> int:
        """Unix seconds of the newest message."""
        return self.messages[-1].at

    @property
    def place(self) -> tuple[int, str]:
        """Its sort key in the list: newest first."""
        return (-self.updated_at, self.id)

    def shown_messages(self) -> list[Said]:
        """Newest first, only the 20 newest."""
        return self.messages[: -MESSAGES_SHOWN_MAX - 1 : -1]


class Page:
    """A page's conversations, in the order of the list."""

    def __init__(self, page_id: str, order: PageOrder) -> None:
        self.id = page_id
        self.token = order.token
        self.person = order.person
        self._text = order.text
        self.behaviour = Behaviour()
        self.calls_at: list[float] = []
        self.lists = 0
        self.subscribed_fields: list[str] = []
        self._random = random.Random(order.seed)
        self._threads: dict[str, Thread] = {}
        self._places: list[tuple[int, str]] = []
        for number in range(order.conversations):
            self._make(number, order)

    def _make(self, number: int, order: PageOrder) -> None:
        count = self._random.randint(order.messages_min, order.messages_max)
        at = FIRST_MESSAGE_AT + number * 60
        thread = Thread(id=f"t_{self.id}_{number}", contact_id=f"{self.id}{number:07d}")
        thread.broken = number >= order.conversations - order.broken
        for index in range(count):
            thread.messages.append(self._say(thread, at + index, index % 2 == 1))
        self._threads[thread.id] = thread
        bisect.insort(self._places, thread.place)

    def _say(self, thread: Thread, at: int, from_page: bool) -> Said:
        number = len(thread.messages)
        text = f"{self._text} {number}"
        return Said(id=f"m_{thread.id}_{number}", at=at, text=text, from_page=from_page)

    @property
    def threads(self) -> list[Thread]:
        """Every conversation, in the order of the list."""
        return [self._threads[thread_id] for _, thread_id in self._places]

    def thread(self, thread_id: str) -> Thread | None:
        """The conversation of that id."""
        return self._threads.get(thread_id)

    def add_message(self, thread_id: str, *, at: int, from_page: bool = False) -> Said:
        """Something new is said; the conversation moves to its place."""
        thread = self._threads[thread_id]
        self._places.remove(thread.place)
        said = self._say(thread, max(at, thread.updated_at), from_page)
        thread.messages.append(said)
        bisect.insort(self._places, thread.place)
        return said

    def remove(self, thread_id: str) -> None:
        """A conversation leaves the list."""
        self._places.remove(self._threads.pop(thread_id).place)

    def move_some(self, count: int) -> None:
        """Conversations anywhere in the list get a message each."""
        newest = -self._places[0][0]
        for offset in range(min(count, len(self._places))):
            _, thread_id = self._random.choice(self._places)
            self.add_message(thread_id, at=newest + 1 + offset)

    def slice(self, start: int, limit: int) -> list[Thread]:
        """So many conversations from that place of the list on."""
        return [self._threads[thread_id] for _, thread_id in self._places[start : start + limit]]

    def position_after(self, cursor: str) -> int:
        """Where the list goes on after the cursor."""
        updated, thread_id, *_ = json.loads(base64.urlsafe_b64decode(cursor))
        return bisect.bisect_right(self._places, (updated, thread_id))

    def __len__(self) -> int:
        return len(self._places)


def cursor_of(key: Any) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def iso(unix_seconds: int) -> str:
    """`2026-09-21T14:13:20+0000`: no colon in the offset, whole seconds."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S%z")
