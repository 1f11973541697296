"""Tables of any width: ids stay whole."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from services.console.tables import NamedValues, Rows

ID = "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def drawn(what: Rows | NamedValues, cells: int) -> list[str]:
    console = Console(file=StringIO(), width=cells, highlight=False)
    console.print(what, crop=False)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def test_other_columns_give_way_to_ids() -> None:
    rows = Rows(("delivery_id", "error"), [(ID, "the connection was refused by 192.0.2.1 again")])
    lines = drawn(rows, 60)
    assert max(map(len, lines)) <= 60
    assert sum(ID in line for line in lines) == 1
    assert lines[1].split() == ["delivery_id", "error"], "a table, its header on one line"
    assert " ".join(" ".join(line.replace(ID, "").split()) for line in lines[3:]).strip() == (
        "the connection was refused by 192.0.2.1 again"
    )


def test_a_row_is_a_card_where_its_ids_do_not_fit_side_by_side() -> None:
    rows = Rows(("delivery_id", "lead_id", "status"), [(ID, ID, "PENDING"), (ID, ID, "FAILED")])
    assert [line.rstrip() for line in drawn(rows, 80)] == [
        f"delivery_id  {ID}",
        f"lead_id      {ID}",
        "status       PENDING",
        "",
        f"delivery_id  {ID}",
        f"lead_id      {ID}",
        "status       FAILED",
    ]


def test_an_id_stands_below_its_name_where_it_does_not_fit_beside_it() -> None:
    lines = [
        line.rstrip() for line in drawn(NamedValues([("delivery_id", ID), ("status", "x")]), 30)
    ]
    assert lines == ["delivery_id", f"  {ID}", "status", "  x"]


@pytest.mark.parametrize("cells", [80, 200])
def test_a_list_of_ids_breaks_between_them(cells: int) -> None:
    lines = drawn(Rows(("name", "calendar_ids"), [("Ada", f"{ID}; {ID}; {ID}")]), cells)
    assert sum(line.count(ID) for line in lines) == 3
    assert max(map(len, lines)) <= cells


NAMES = st.sampled_from(["id", "lead_id", "trace_id", "key", "error", "create_time", "amount"])
CELLS = st.sampled_from([ID, TRACE, "-", "2026-11-20 20:01:14.123Z", "x" * 90, "a few words more"])


@given(st.data(), st.lists(NAMES, min_size=1, max_size=9), st.integers(min_value=20, max_value=200))
def test_no_width_folds_an_id(data: st.DataObject, columns: list[str], cells: int) -> None:
    row = data.draw(st.lists(CELLS, min_size=len(columns), max_size=len(columns)))
    text = "\n".join(drawn(Rows(columns, [row]), cells))
    for known in (ID, TRACE):
        assert text.count(known) == row.count(known)
