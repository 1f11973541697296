"""Fields of a request: parsed one by one; what is wrong comes back together, in plain words."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from services.chassis.errors import DomainError
from services.chassis.fields import NAME_CHARACTERS_MAX, Fields, parse_uuid
from services.chassis.trace import new_root

THING = UUID("0190b5a0-0000-7000-8000-000000000001")
# What is wrong, then what would be right; an example stands behind "for example".
SENTENCE = re.compile(r"(is|has|must) [^:]*(, for example \S+)?")


def test_what_is_right_is_parsed_and_nothing_is_wrong() -> None:
    fields, trace = Fields(), new_root()
    assert fields.uuid("lead_id", str(THING)) == THING
    assert fields.optional_uuid("lead_id", "") is None
    assert fields.optional_uuid("lead_id", str(THING)) == THING
    assert fields.text("details", "  two words ", 9) == "two words"
    assert fields.name("name", " Ada ") == "Ada"
    assert fields.number("priority", 3, 3, 3) == 3
    assert fields.one_of("type", "order", ("order", "quote")) == "order"
    assert fields.trace("traceparent", trace.traceparent, "") == trace
    fields.done()


@pytest.mark.parametrize(
    ("parse", "description"),
    [
        (lambda f: f.uuid("x", "12"), "is not a UUID"),
        (lambda f: f.optional_uuid("x", "12"), "is not a UUID"),
        (lambda f: f.text("x", "abc", 2), "has more than 2 characters"),
        (lambda f: f.text("x", "a\0b", 9), "has a NUL character"),
        (lambda f: f.name("x", " "), "is blank"),
        (lambda f: f.name("x", "a" * 201), f"has more than {NAME_CHARACTERS_MAX} characters"),
        (lambda f: f.number("x", 0, 1, 5), "must be from 1 to 5"),
        (lambda f: f.number("x", 6, 1, 5), "must be from 1 to 5"),
        (lambda f: f.one_of("x", "no", ("order", "quote")), "must be one of order, quote"),
        (
            lambda f: f.trace("x", "00-zz", ""),
            "is not a W3C traceparent, for example"
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    ],
)
def test_what_is_wrong_is_said_in_plain_words_and_parsing_goes_on(
    parse: Callable[[Fields], Any], description: str
) -> None:
    fields = Fields()
    parse(fields)
    (violation,) = fields.violations
    assert (violation.field, violation.description) == ("x", description)
    assert SENTENCE.fullmatch(violation.description)


def test_all_violations_come_back_together() -> None:
    fields = Fields()
    fields.uuid("lead_id", "12")
    fields.refuse("type", "is blank")
    with pytest.raises(DomainError) as refused:
        fields.done()
    assert refused.value.reason == "INVALID_REQUEST"
    assert refused.value.message == "lead_id: is not a UUID; type: is blank"
    assert refused.value.metadata == {"fields": "lead_id,type"}


def test_a_requests_only_field_is_refused_at_once() -> None:
    assert parse_uuid(str(THING), "lead_id") == THING
    with pytest.raises(DomainError, match="lead_id: is not a UUID"):
        parse_uuid("12", "lead_id")
