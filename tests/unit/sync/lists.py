"""Pages of Meta's list, and sessions that read one in memory."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from services.sync.graph_lists import ListEntry, ListResponse
from services.sync.position import DONE, GraphRequest, Position, next_request
from services.sync.transitions import after_list_response

TOP = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_page(*ages: int, after: str | None = "next") -> ListResponse:
    """Conversations last updated so many seconds before TOP."""
    entries = tuple(
        ListEntry(thread_id=f"t_{age}", updated_at=TOP - timedelta(seconds=age)) for age in ages
    )
    return ListResponse(entries=entries, after=after)


class Reader:
    """What a session does with answers; `read` holds what it has read."""

    def __init__(
        self, answer: Callable[[GraphRequest], ListResponse], position: Position | None = None
    ):
        self.answer = answer
        self.position = position or Position()
        self.read: dict[str, datetime] = {}
        self.asks: list[GraphRequest] = []

    def step(self) -> None:
        """One call."""
        ask = next_request(self.position)
        page = self.answer(ask)
        self.asks.append(ask)
        self.position = after_list_response(self.position, ask, page, self.read)
        if ask.kind == "list":
            self.read |= {each.thread_id: each.updated_at for each in page.entries}

    def to_the_end(self, calls_max: int = 200) -> Position:
        """Call after call."""
        while self.position.phase != DONE:
            assert len(self.asks) < calls_max, self.position
            self.step()
        return self.position


def answering(pages: Mapping[str | None, ListResponse]) -> Callable[[GraphRequest], ListResponse]:
    """The pages by the cursors that lead to them, with and without contents alike."""
    return lambda ask: pages[ask.after]
