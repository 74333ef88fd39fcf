"""report.md: whole tables, and nothing that a text could turn into markup."""

import re

from markdown_it import MarkdownIt

from handful.core.types import Interval
from handful.report.markdown import fenced, markdown
from handful.report.page import Answer, Column, Figure, Sample, Section, Table, Text
from handful.report.work import work

NASTY = "a | b\n```\n<script>alert(1)</script>\n# heading [x](y)"


def rendered(source):
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(source)


def test_a_report_is_read_back_with_all_its_sections_and_figures(build, tmp_path):
    recipe, inputs = build()
    work(recipe, inputs, tmp_path)
    source = (tmp_path / "report.md").read_text(encoding="utf-8")
    page = rendered(source)
    assert page.count("<h2>") == 12
    assert "<script" not in page
    files = re.findall(r'src="(figures/[^"]+)"', page)
    assert "figures/figure-1.svg" in files
    assert all((tmp_path / file).is_file() for file in files)
    assert "| base | 24 |" in source


def test_no_text_breaks_out():
    table = Table("t | t", [Column("a|b"), Column("n", "share")], [[NASTY, Interval(0.5, 0.25, 0.75, 4)]])
    sample = Sample("id", NASTY, [Answer("s", NASTY, "note")])
    page = rendered(markdown(NASTY, NASTY, [Section("s", NASTY, [Text([NASTY]), table, sample])]))
    assert "<script" not in page
    assert "<a " not in page
    assert page.count("<h1>") == 1
    assert "50% (25 to 75)" in page
    assert page.count("<tr>") == 2


def test_a_fence_is_longer_than_any_in_the_text():
    assert fenced("x\n`````\ny").startswith("``````text\n")
    assert fenced("plain").startswith("```text\n")


def test_an_incomplete_study_is_marked():
    text = Text(["half of it is missing."], "incomplete")
    assert "> **INCOMPLETE.** half of it is missing." in markdown("n", "s", [Section("s", "S", [text])])


def test_a_figure_without_a_file_has_no_link():
    assert "figures/" not in markdown("n", "s", [Section("s", "S", [Figure("F", "<svg/>", [], "c")])])
