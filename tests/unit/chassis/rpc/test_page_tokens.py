"""A page token continues the list it came from, and nothing else is taken for one."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.rpc.page_tokens import (
    REFUSED_TEXT,
    TOKEN_CHARACTERS_MAX,
    decode,
    encode,
    page_size,
)

# Lone surrogates are no text: neither PostgreSQL nor protobuf can hold them.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def token_of(json_text: str | bytes) -> str:
    text = json_text.encode() if isinstance(json_text, str) else json_text
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@given(st.lists(texts, max_size=4).map(tuple), texts)
def test_a_token_gives_back_its_keys(keys: tuple[str, ...], scope: str) -> None:
    assert decode(encode(keys, scope=scope), scope=scope) == keys


@given(st.lists(texts, max_size=4).map(tuple))
def test_a_token_needs_no_escaping_in_a_url(keys: tuple[str, ...]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", encode(keys, scope="leads"))


def test_a_token_of_another_list_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape(REFUSED_TEXT)):
        decode(encode(("1",), scope="leads"), scope="offers")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "abc=",
        "!!!!",
        "é",
        "\ud800",
        " " + encode(("1",), scope="leads"),
        encode(("1",), scope="leads") + "\n",
        token_of("null"),
        token_of("{}"),
        token_of('[1,"leads"]'),
        token_of('[1,"leads","1"]'),
        token_of('[1,"leads",[1]]'),
        token_of('[1,"leads",["1"],0]'),
        token_of('[2,"leads",["1"]]'),
        token_of('["1","leads",["1"]]'),
        token_of('[true,"leads",["1"]]'),
        token_of(b'[1,"leads",["\xff"]]'),
        token_of("[" * 1500),
        token_of('[1,"leads",["' + "x" * 4000 + '"]]'),
    ],
)
def test_a_malformed_token_is_refused_with_a_fixed_text(token: str) -> None:
    with pytest.raises(ValueError, match=re.escape(REFUSED_TEXT)) as refused:
        decode(token, scope="leads")
    assert str(refused.value) == REFUSED_TEXT
    assert refused.value.__cause__ is None


@given(st.text(max_size=60))
def test_no_other_text_is_taken_for_a_token(token: str) -> None:
    # No text of this length that was not made by `encode` carries the scope.
    with pytest.raises(ValueError, match=re.escape(REFUSED_TEXT)):
        decode(token, scope="a scope of more than sixty characters: " + "x" * 40)


def test_a_token_that_could_not_be_read_back_is_not_made() -> None:
    with pytest.raises(ValueError, match=str(TOKEN_CHARACTERS_MAX)):
        encode(("x" * TOKEN_CHARACTERS_MAX,), scope="leads")


@pytest.mark.parametrize(("requested", "given"), [(0, 50), (1, 1), (500, 500), (501, 500)])
def test_the_page_size_is_kept_in_bounds(requested: int, given: int) -> None:
    assert page_size(requested) == given


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        page_size(-1)


def test_a_default_above_the_maximum_is_cut() -> None:
    assert page_size(0, default=50, maximum=20) == 20
