"""Texts cut so that they fit."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.text_bounds import cut, cut_to_fit, encoded_bytes

# What gRPC leaves as it is in a header: printable ASCII but the percent sign.
AS_IT_IS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@given(st.text())
def test_a_text_is_measured_as_grpc_encodes_it(text: str) -> None:
    assert encoded_bytes(text) == len(quote(text, safe=AS_IT_IS))


@given(st.text(), st.integers(0, 300))
def test_a_text_is_cut_at_a_character_and_fits(text: str, bytes_max: int) -> None:
    short = cut(text, bytes_max)
    assert encoded_bytes(short) <= bytes_max
    assert short == text or text.startswith(short.removesuffix("…"))
    assert (short == text) == (encoded_bytes(text) <= bytes_max)


@pytest.mark.parametrize(
    ("text", "bytes_max", "short"),
    [
        ("", 0, ""),
        ("Berlin", 6, "Berlin"),
        ("Hamburg-Altona", 13, "Hamb…"),
        ("Köln", 8, ""),
        ("Köln am Rhein", 16, "Kö…"),
        ("Köln am Rhein", 15, "K…"),
    ],
)
def test_what_is_cut_ends_with_an_ellipsis(text: str, bytes_max: int, short: str) -> None:
    assert cut(text, bytes_max) == short


@given(st.lists(st.text(), max_size=30), st.integers(300, 2_000))
def test_texts_fit_together(texts: list[str], bytes_max: int) -> None:
    short = cut_to_fit(texts, bytes_max)
    assert len(short) == len(texts)
    assert sum(map(encoded_bytes, short)) <= bytes_max
    fits = sum(map(encoded_bytes, texts)) <= bytes_max
    assert (short == texts) == fits


def test_the_longest_texts_are_cut_first() -> None:
    assert cut_to_fit(["a" * 10, "b" * 500, "c" * 500], 210) == [
        "a" * 10,
        "b" * 91 + "…",
        "c" * 91 + "…",
    ]
