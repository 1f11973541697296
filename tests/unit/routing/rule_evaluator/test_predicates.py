"""Conditions taken apart at their top-level `&&`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.rule_evaluator.predicates import split_predicates


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("a", ("a",)),
        ("a && b", ("a", "b")),
        ("a&&b &&\n c", ("a", "b", "c")),
        ("(a && b) && c", ("(a && b)", "c")),
        ("a && (b || c)", ("a", "(b || c)")),
        ("x.exists(v, v == 1 && true) && b", ("x.exists(v, v == 1 && true)", "b")),
        ("m[a && b] && c", ("m[a && b]", "c")),
        ("{'k': a && b}['k'] && c", ("{'k': a && b}['k']", "c")),
        # Looser than &&, so the parts are not conjuncts of the whole.
        ("a && b || c", ("a && b || c",)),
        ("a || b && c", ("a || b && c",)),
        ("a && b ? c : d", ("a && b ? c : d",)),
        # Strings of every kind.
        ('x == "a && b" && c', ('x == "a && b"', "c")),
        ("x == 'a && (' && c", ("x == 'a && ('", "c")),
        (r'x == "\" && (" && c', (r'x == "\" && ("', "c")),
        (r"x == r'\' && c", (r"x == r'\'", "c")),
        ('x == """a" && ("""  && c', ('x == """a" && ("""', "c")),
        ("x == '''it's && (''' && c", ("x == '''it's && ('''", "c")),
        (r'x == b"\" || " && c', (r'x == b"\" || "', "c")),
        # Comments.
        ("a // && b || c\n && d", ("a // && b || c", "d")),
        ('x == "http://y" && c', ('x == "http://y"', "c")),
        ("  a && b  ", ("a", "b")),
        ("", ("",)),
    ],
)
def test_a_condition_is_split_where_cel_would(condition: str, parts: tuple[str, ...]) -> None:
    assert split_predicates(condition) == parts


@given(
    st.lists(st.sampled_from(["a", "(a && b)", '"x && y" == s', "f(a || b)", "m['k']"]), min_size=1)
)
def test_what_was_joined_is_taken_apart(parts: list[str]) -> None:
    assert split_predicates(" && ".join(parts)) == tuple(parts)


@given(st.text(alphabet="ab&|?()[]{}'\"\\/ \nr", max_size=60))
def test_any_text_at_all_gives_parts(text: str) -> None:
    assert len(split_predicates(text)) >= 1
