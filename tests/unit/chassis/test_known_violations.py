"""What is known to be wrong with a request, beside what its handler finds."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context

import pytest

from services.chassis.errors import DomainError, Violation, invalid, not_found
from services.chassis.fields import Fields
from services.chassis.known_violations import (
    is_refused,
    refuse_known,
    set_known_violations,
    with_known,
)

MISSING = Violation(field="hours[1].day", description="is required")


def knowing(*violations: Violation) -> Callable[[DomainError], DomainError]:
    """What becomes of a handler's refusal where these are known."""

    def combined(error: DomainError) -> DomainError:
        set_known_violations(violations)
        return with_known(error)

    return lambda error: copy_context().run(combined, error)


def wrong(*fields: str) -> DomainError:
    return invalid(*(Violation(field=field, description="is blank") for field in fields))


def fields_of(error: DomainError) -> list[str]:
    return [violation.field for violation in error.violations]


def test_where_nothing_is_known_a_refusal_stays_as_it_is() -> None:
    error = not_found("lead", 1)
    assert knowing()(error) is error


def test_what_the_handler_finds_follows_what_was_known() -> None:
    assert fields_of(knowing(MISSING)(wrong("name", "hours[1].days"))) == [
        "hours[1].day",
        "name",
        "hours[1].days",
    ]


@pytest.mark.parametrize("field", ["hours[1].day", "hours[1].day.name", "hours[1].day[0].name"])
def test_what_is_missing_is_said_once(field: str) -> None:
    assert fields_of(knowing(MISSING)(wrong(field))) == ["hours[1].day"]


def test_any_other_refusal_gives_way() -> None:
    assert fields_of(knowing(MISSING)(not_found("lead", 1))) == ["hours[1].day"]


def test_parsing_ends_where_something_is_known() -> None:
    def parse() -> None:
        Fields().done()
        set_known_violations([MISSING])
        with pytest.raises(DomainError, match="INVALID_REQUEST"):
            Fields().done()
        with pytest.raises(DomainError, match="INVALID_REQUEST: hours"):
            refuse_known()

    copy_context().run(parse)
    refuse_known()


async def test_what_is_known_of_one_request_is_not_of_another() -> None:
    async def request(*violations: Violation) -> bool:
        set_known_violations(violations)
        await asyncio.sleep(0)
        return is_refused()

    assert list(await asyncio.gather(request(MISSING), request())) == [True, False]
