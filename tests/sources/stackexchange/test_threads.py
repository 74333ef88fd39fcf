"""Numbers of a table are found again, in whatever order they came."""

from hypothesis import given
from hypothesis import strategies as st

from handful.sources.stackexchange.threads import NONE, Table


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9))))
def test_the_first_of_each_row_is_found(rows):
    table = Table(2)
    for row in rows:
        table.add(*row)
    table.settle()
    expected = {}
    for id, number in rows:
        expected.setdefault(id, number)
    assert list(table.columns[0]) == sorted(expected)
    for id in range(52):
        at = table.find(id)
        assert (None if at == NONE else table.columns[1][at]) == expected.get(id)
