"""Drawings: right proportions, well-formed, and no name can break out of them."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.report.figures import WIDTH, Bar, curves, funnel, nice_ticks, preference_bars

SVG = "{http://www.w3.org/2000/svg}"


def widths(drawing, kind):
    tree = ElementTree.fromstring(drawing)
    return [
        float(e.get("width"))
        for e in tree.iter(f"{SVG}rect")
        if e.get("class") == kind and e.get("height") == "26.0"
    ]


def words(drawing):
    return [e.text for e in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_the_papers_first_bar():
    drawing = preference_bars(
        "LIMA", [Bar("vs Alpaca 65B", 0.53, 0.21, 0.26, "n = 300", (0.47, 0.59), (0.69, 0.79))]
    )
    assert {"53%", "21%", "26%", "vs Alpaca 65B", "n = 300"} <= set(words(drawing))
    assert widths(drawing, "win") == [pytest.approx(0.53 * WIDTH, abs=0.1)]
    assert sum(widths(drawing, kind)[0] for kind in ("win", "tie", "loss")) == pytest.approx(WIDTH, abs=0.2)


def test_a_name_is_text_in_a_drawing():
    drawing = preference_bars("<b>&\"'", [Bar("</text><script>", 1, 0, 0)])
    assert "<script>" not in drawing
    assert "</text><script>" in words(drawing)


def test_a_share_too_small_for_its_figure_has_none():
    assert "1%" not in words(preference_bars("x", [Bar("y", 0.01, 0.49, 0.5)]))


def test_a_funnel_is_as_wide_as_what_is_left():
    tree = ElementTree.fromstring(funnel([("candidates", 40, 0), ("too short", 10, 30)]))
    bars = [float(e.get("width")) for e in tree.iter(f"{SVG}rect") if e.get("class") == "win"]
    assert bars == [WIDTH, WIDTH / 4]


def test_curves_keep_within_their_frame_even_when_flat():
    for series in ([(1.0, 2.0)], [(1.0, 2.0), (2.0, 2.0)], [(0.0, 0.0), (1000.0, 9.7)]):
        tree = ElementTree.fromstring(curves({"loss": series}, "step", "Loss"))
        for line in tree.iter(f"{SVG}polyline"):
            for point in line.get("points").split():
                x, y = map(float, point.split(","))
                assert 0 <= x <= WIDTH
                assert 0 <= y <= 250


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_round_and_hold_the_data(low, span):
    ticks = nice_ticks(low, low + span)
    assert ticks[0] <= low + 1e-6
    assert ticks[-1] >= low + span - 1e-6 * max(1, abs(low + span))
    assert 2 <= len(ticks) <= 12
