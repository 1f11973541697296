"""Values as Meta sends them."""

from services.sync.meta_values import to_time


def test_meta_times_are_read_in_all_their_spellings() -> None:
    reported = to_time("2026-09-21T14:13:20+0000")
    assert reported is not None
    assert {to_time(each) for each in (1790000000, "1790000000", 1790000000000)} == {reported}
    assert to_time("asdf") is to_time(None) is to_time(10**30) is None
