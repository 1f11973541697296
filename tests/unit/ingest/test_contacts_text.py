"""Phones, e-mails and text as strangers send them."""

import pytest

from services.ingest.emails import to_address
from services.ingest.phones import is_region, to_e164
from services.ingest.storable_text import clean_text


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("0171 2345678", "DE", "+491712345678"),
        ("+49 171 2345678", "US", "+491712345678"),
        ("0049-171-2345678", "DE", "+491712345678"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("212.555.0123 ext. 9", "US", "+12125550123"),
        ("tel:+49-171-2345678", "DE", "+491712345678"),
        ("110", "DE", None),
        ("+49", "DE", None),
        ("+999 123456789", "DE", None),
        ("call me", "DE", None),
        ("", "DE", None),
        ("0" * 400, "DE", None),
        ("+4917123456781234567", "DE", None),
    ],
)
def test_phones_become_e164_or_nothing(text: str, region: str, expected: str | None) -> None:
    assert to_e164(text, region) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("DE", True), ("US", True), ("de", False), ("XX", False), ("", False)]
)
def test_a_region_is_an_upper_case_iso_code(text: str, expected: bool) -> None:
    assert is_region(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada+tag@example.co.uk", "ada+tag@example.co.uk"),
        ("ada@bücher.example.com", "ada@bücher.example.com"),
        ("ada", None),
        ("ada@", None),
        ("@example.com", None),
        ("ada@example..com", None),
        ("ada@localhost", None),
        ("<test lead: dummy data for email>", None),
        ("a" * 400 + "@example.com", None),
        ("", None),
    ],
)
def test_addresses_are_lower_case_or_nothing(text: str, expected: str | None) -> None:
    assert to_address(text) == expected


def test_text_is_trimmed_bounded_and_storable() -> None:
    assert clean_text("  a\0b\ud800 ") == "ab?"
    assert clean_text("x" * 30, 10) == "x" * 10
    assert clean_text("😀" * 3, 2) == "😀" * 2
