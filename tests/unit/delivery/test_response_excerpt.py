import hypothesis.strategies as st
import pytest
from hypothesis import given

from services.delivery.response_excerpt import EXCERPT_BYTES_MAX, redacted_excerpt


@pytest.mark.parametrize(
    "personal",
    [
        *("ada@example.com", "ada.lovelace+x@mail.example.co.uk", "ädä@exämple.de"),
        *("+4915112345678", "0151 123 456 78", "(030) 123-4567", "+1.555.123.4567", "1234567"),
    ],
)
def test_what_looks_personal_is_redacted(personal: str) -> None:
    excerpt = redacted_excerpt(f'{{"error": "no buyer for {personal} today"}}'.encode())
    assert personal not in excerpt
    assert excerpt.startswith('{"error": "no buyer for [')
    assert excerpt.endswith(' today"}')


def test_what_helps_to_find_the_fault_is_excerpt() -> None:
    text = '{"code": 40013, "error": "zip 12345 not served", "on": 2027}'
    assert redacted_excerpt(text.encode()) == text


@given(st.binary(max_size=4096))
def test_any_bytes_become_a_short_text_that_a_row_can_hold(body: bytes) -> None:
    excerpt = redacted_excerpt(body)
    assert len(excerpt.encode()) <= EXCERPT_BYTES_MAX
    assert "\0" not in excerpt


def test_a_phone_at_the_cut_is_not_let_through_in_part() -> None:
    body = b"x" * (EXCERPT_BYTES_MAX - 6) + b"+4915112345678"
    assert "49" not in redacted_excerpt(body)


def test_a_phone_cut_through_where_reading_ends_is_not_let_through_in_part() -> None:
    mails = b"a.person.with.a.long.name@example.com, "
    body = (mails * 60)[: 2048 - 5] + b"+4915112345678" + b"x" * 100
    assert "49" not in redacted_excerpt(body)
