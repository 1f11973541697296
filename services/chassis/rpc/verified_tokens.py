"""Verified tokens, kept until they expire: checking one costs more than most calls."""

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Holder = TypeVar("Holder")
TOKENS_MAX: Final = 10_000


class VerifiedTokens(Generic[Holder]):
    """The holders of tokens. At most `TOKENS_MAX` are kept; then all are checked again."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, Holder]] = {}

    def holder(self, token: str) -> Holder | None:
        """Who holds the token; None where it is not known or has expired."""
        expires_at, holder = self._known.get(token, (0.0, None))
        return holder if self._clock() < expires_at else None

    def keep(self, token: str, expires_at: float, holder: Holder) -> None:
        """Keeps a token that was verified; `expires_at` in unix seconds."""
        if len(self._known) >= TOKENS_MAX:
            self.forget()
        self._known[token] = (expires_at, holder)

    def forget(self) -> None:
        """Forgets all of them: the keys have changed."""
        self._known.clear()
