"""What headers say of limits: the greatest of all entries of all keys."""

import pytest

from services.sync.usage import Usage, usage_of

REPEATED = (
    '{"1":[{"type":"pages","call_count":20,"estimated_time_to_regain_access":0}],'
    '"1":[{"type":"messenger","call_count":97,"total_time":3,'
    '"estimated_time_to_regain_access":10}],'
    '"1":[{"type":"leadgen","call_count":1,"total_cputime":50}]}'
)


def test_a_repeated_key_hides_nothing() -> None:
    usage = usage_of({"x-business-use-case-usage": REPEATED})
    assert usage == Usage(page_percent=97, regain_seconds=600)


def test_the_app_has_a_header_of_its_own() -> None:
    usage = usage_of({"x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":31.2}'})
    assert usage == Usage(app_percent=32)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"1":5}', "NaN", "[" * 100_000])
def test_what_is_malformed_says_nothing(text: str) -> None:
    assert usage_of({"x-app-usage": text, "x-business-use-case-usage": text}) == Usage()
