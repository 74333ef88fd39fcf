"""How values are printed, and the page as data."""

import pytest

from handful.core.types import Interval
from handful.report.numbers import plain
from handful.report.page import Column, Section, Table, Text, bounds, cell, visible


@pytest.mark.parametrize(
    ("value", "form", "printed", "below"),
    [
        (Interval(0.534, 0.47, 0.591, 300), "share", "53%", "47 to 59"),
        (Interval(-0.2, -0.31, 0.02, 9), "net", "\N{MINUS SIGN}20", "\N{MINUS SIGN}31 to +2"),
        (Interval(123.4, 100.0, 1500.2, 9), "mean", "123", "100 to 1,500"),
        (Interval(0.5, None, None, 1), "share", "50%", "no interval"),
        (Interval(None, None, None, 0), "share", "\N{EN DASH}", ""),
        (None, "count", "\N{EN DASH}", ""),
        (0, "count", "0", ""),
        (12345, "count", "12,345", ""),
        (0.0, "share", "0%", ""),
        (0.0004, "p", "< 0.001", ""),
        (0.0421, "p", "0.042", ""),
        (2.71828, "number", "2.72", ""),
        ("a & b", "text", "a & b", ""),
    ],
)
def test_values_as_printed(value, form, printed, below):
    assert (cell(value, form), bounds(value, form)) == (printed, below)


def test_control_characters_leave_a_mark():
    assert visible("a\x00b\x1b[0m\tc\n") == "a\ufffdb\ufffd[0m\tc\n"


def test_the_json_has_the_numbers_and_not_their_print():
    table = Table("t", [Column("name"), Column("rate", "share")], [["x", Interval(0.5, 0.25, 0.75, 4)]])
    found = plain(Section("s", "S", [Text(["words"]), table]))
    assert found["text"] == ["words"]
    assert found["tables"][0]["rows"] == [
        {
            "name": "x",
            "rate": {"estimate": 0.5, "low": 0.25, "high": 0.75, "n": 4, "unit": "prompts", "note": ""},
        }
    ]
