"""Tokens are kept for as long as they are good, and no longer."""

from services.chassis.rpc.verified_tokens import TOKENS_MAX, VerifiedTokens


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_known_until_it_expires() -> None:
    clock = Clock()
    tokens: VerifiedTokens[str] = VerifiedTokens(clock)
    tokens.keep("a.b.c", 1_060, "Ada")
    clock.now = 1_059.9
    assert tokens.holder("a.b.c") == "Ada"
    clock.now = 1_060
    assert tokens.holder("a.b.c") is None


def test_a_token_that_was_never_verified_is_not_known() -> None:
    tokens: VerifiedTokens[str] = VerifiedTokens(Clock())
    tokens.keep("a.b.c", 1_060, "Ada")
    assert tokens.holder("a.b.d") is None


def test_forgetting_leaves_none() -> None:
    tokens: VerifiedTokens[str] = VerifiedTokens(Clock())
    tokens.keep("a.b.c", 1_060, "Ada")
    tokens.forget()
    assert tokens.holder("a.b.c") is None


def test_ever_more_tokens_do_not_take_ever_more_memory() -> None:
    tokens: VerifiedTokens[str] = VerifiedTokens(Clock())
    for number in range(TOKENS_MAX + 1):
        tokens.keep(f"token {number}", 1_060, "Ada")
    known = sum(tokens.holder(f"token {number}") is not None for number in range(TOKENS_MAX + 1))
    assert known == 1
