"""Figures 3, 5, 6 and 7 of the paper, drawn from its own counts by our statistics and tables."""

import csv
import io
from dataclasses import replace
from xml.etree import ElementTree

import msgspec
import pytest

from handful.core.types import Interval
from handful.report.conversations import conversations
from handful.report.facts import Facts, with_intervals
from handful.report.grading import graded, quantity_of
from handful.report.numbers import csv_rows, csv_text
from handful.report.page import Figure, Table, Text, cell, warned
from handful.report.standings import standings
from handful.stats.bootstrap import Bootstrap
from handful.stats.grades import Grader, Mark, class_shares, grade_differences, mean_grades
from handful.stats.turns import turns

DRAWS = Bootstrap(draws=400)


def facts_of(recipe, **blocks):
    return Facts(recipe=recipe, stats={"grades": with_intervals(msgspec.to_builtins(blocks))})


def marks(system, counts, first=0):
    grades = [grade for grade, count in counts.items() for _ in range(count)]
    return [Mark(f"p{first + n}", system, 0, 0, grade) for n, grade in enumerate(grades)]


def drawn(figure):
    tree = ElementTree.fromstring(figure.svg)
    return [e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")]


def only(blocks, kind):
    return [block for block in blocks if isinstance(block, kind)]


@pytest.fixture
def figure_3(recipe):
    """50 answers, and 20 more of prompts out of distribution, as the authors labelled them."""
    inside = marks("LIMA", {"excellent": 25, "pass": 19, "fail": 6})
    outside = marks("LIMA", {"excellent": 9, "pass": 7, "fail": 4}, first=50)
    ood = frozenset(mark.prompt_id for mark in outside)
    grader = Grader("authors", "people", "", [*inside, *outside])
    return graded(facts_of(recipe, shares=class_shares(grader, "quality", ood, DRAWS)))


def test_figure_3_has_the_papers_shares_and_its_split(figure_3):
    (figure,) = only(figure_3, Figure)
    words = drawn(figure)
    inside = words[words.index("LIMA, in distribution") :]
    assert inside[:5] == ["LIMA, in distribution", "n = 50", "50% (25)", "38% (19)", "12%"]
    outside = words[words.index("LIMA, out of distribution") :]
    assert outside[:5] == ["LIMA, out of distribution", "n = 20", "45% (9)", "35% (7)", "20% (4)"]
    assert words[:3] == ["excellent (left)", "pass (middle)", "fail (right)"]


def test_figure_3_in_its_table_and_its_file(figure_3):
    (table,) = only(figure_3, Table)
    inside = next(row for row in table.rows if row[1] == "in distribution")
    assert [cell(value, column.form) for value, column in zip(inside, table.columns, strict=True)] == [
        "LIMA",
        "in distribution",
        "50",
        "50",
        "50%",
        "38%",
        "12%",
        "88%",
        "0",
        "0",
    ]
    (figure,) = only(figure_3, Figure)
    rows = list(csv.DictReader(io.StringIO(csv_text(csv_rows(figure.data)))))
    assert (figure.name, figure.table) == ("figure-3-authors", "figure-3")
    assert [row["fail"] for row in rows if row["split"] == "out_of_distribution"] == ["0.2"]


def test_figure_5_has_its_means_on_the_whole_scale(recipe):
    """Grades made up so that the means are the paper's 3.83, 3.49 and 3.33."""
    arms = {"filtered": (4, 83), "wikihow": (4, 49), "unfiltered": (4, 33)}
    given = [
        Mark(f"p{n}", arm, 0, 0, str(high if n < share else high - 1))
        for arm, (high, share) in arms.items()
        for n in range(100)
    ]
    grader = Grader("gpt", "model", "robust", given)
    blocks = graded(
        facts_of(
            recipe,
            helpfulness=mean_grades(grader, DRAWS),
            helpfulness_differences=grade_differences(grader, DRAWS),
        )
    )
    (figure,) = only(blocks, Figure)
    words = drawn(figure)
    assert words[:6] == ["1", "2", "3", "4", "5", "6"]
    assert [w[:4] for w in words if "\N{EN DASH}" in w] == ["3.83", "3.49", "3.33"]
    differences = only(blocks, Table)[1]
    assert [cell(row[2], "grade") for row in differences.rows] == ["0.34", "0.50", "0.16"]


def test_figure_6_is_drawn_where_arms_are_numbers(recipe):
    given = [
        Mark(f"p{n}", arm, 0, 0, str(3 + (n + k) % 2))
        for k, arm in enumerate(("2k", "32k", "wikihow"))
        for n in range(9)
    ]
    blocks = graded(facts_of(recipe, helpfulness=mean_grades(Grader("gpt", "model", "lima", given), DRAWS)))
    figures = {figure.table: figure for figure in only(blocks, Figure)}
    assert list(figures) == ["figure-5-lima", "figure-6-lima"]  # what was asked in two ways shares no file
    assert [row["quantity"] for row in figures["figure-6-lima"].data] == [2000.0, 32000.0]
    assert {"2,000", "32,000"} <= set(drawn(figures["figure-6-lima"]))


@pytest.mark.parametrize(
    ("name", "quantity"),
    [("se-2k", 2000), ("2000", 2000), ("n500", 500), ("tuned_1.5k", 1500), ("tuned", None), ("gpt4", None)],
)
def test_a_quantity_is_read_only_where_a_name_ends_in_one(name, quantity):
    assert quantity_of(name) == quantity


def test_figure_7_has_the_papers_turns(recipe):
    counts = {
        "LIMA": {"excellent": 19, "pass": 8, "fail": 15},
        "LIMA + dialogue": {"excellent": 35, "pass": 10, "fail": 1},
    }
    given = []
    for system, of_system in counts.items():
        for n, mark in enumerate(marks(system, of_system)):
            given.append(replace(mark, prompt_id=f"d{n % 10}", turn=n // 10))
    (figure, table) = conversations(
        facts_of(recipe, turns=turns(Grader("authors", "people", "", given), DRAWS))
    )
    words = drawn(figure)
    assert {"45% (19)", "19% (8)", "36% (15)", "n = 10, 42 turns", "76% (35)", "n = 10, 46 turns"} <= set(
        words
    )
    assert (table.rows[0][3].unit, table.rows[0][1]) == ("dialogues", 10)


def test_safety_is_a_bar_of_two(recipe):
    grader = Grader("authors", "people", "", marks("LIMA", {"safe": 24, "unsafe": 6}))
    figure, table = graded(facts_of(recipe, shares=class_shares(grader, "safety", frozenset(), DRAWS)))
    assert {"80% (24)", "20% (6)"} <= set(drawn(figure))
    assert table.rows[0][3].estimate == 0.8


@pytest.fixture
def two_samples():
    """Twelve prompts with two grades each, of which four prompts are out of distribution."""
    given = [Mark(f"p{n}", "tuned", k, 0, "pass") for n in range(12) for k in range(2)]
    return class_shares(
        Grader("local", "model", "robust", given), "quality", frozenset({"p0", "p1", "p2", "p3"}), DRAWS
    )


def test_n_counts_prompts_and_the_grades_stand_beside_it(recipe, two_samples):
    blocks = graded(facts_of(recipe, shares=two_samples))
    (figure,), table = only(blocks, Figure), only(blocks, Table)[0]
    assert {"n = 12, 24 grades", "n = 8, 16 grades", "n = 4, 8 grades"} <= set(drawn(figure))
    assert [column.name for column in table.columns][:4] == ["System", "Distribution", "Prompts", "Grades"]
    assert [row[2:4] for row in table.rows] == [[12, 24], [8, 16], [4, 8]]
    assert [row["prompts"] for row in figure.data] == [12, 8, 4]


def test_too_few_prompts_are_said_below_the_figure_and_once(recipe, two_samples):
    figure, table, *_ = warned(graded(facts_of(recipe, shares=two_samples)))
    assert figure.caption.endswith("4 or 8 prompts show nothing: read no finding into it.")
    assert "show nothing" not in table.note


def test_a_figure_of_grades_says_where_its_judge_is_not_to_be_trusted(recipe, two_samples):
    facts = facts_of(recipe, shares=two_samples)
    (figure,) = only(graded(facts), Figure)
    assert "not to be trusted (see “Can the judges be trusted?”). Below each bar" in figure.caption
    stats = {**facts.stats, "trust": [{"judge": "local", "grade": "unproven"}]}
    (figure,) = only(graded(replace(facts, stats=stats)), Figure)
    assert "not to be trusted" not in figure.caption


def test_grades_that_cannot_be_read_make_no_figure(recipe):
    grader = Grader("gpt", "model", "robust", marks("LIMA", {None: 4}))
    blocks = graded(
        facts_of(
            recipe,
            helpfulness=mean_grades(grader, DRAWS),
            shares=class_shares(grader, "quality", frozenset(), DRAWS),
        )
    )
    assert not only(blocks, Figure)
    assert "No grade could be read." in [line for block in only(blocks, Text) for line in block.lines]
    assert only(blocks, Table)[0].rows[0][1] == Interval(None, None, None, 0, note="nothing to measure")


def test_without_grades_the_sections_say_so(recipe):
    facts = facts_of(recipe)
    assert "Figures 3, 5 and 6 have nothing to show" in graded(facts)[0].lines[0]
    assert "Figure 7 has nothing to show" in conversations(facts)[0].lines[0]


def test_the_headline_of_grades_claims_only_what_is_beyond_chance(recipe):
    better = [Mark(f"p{n}", "tuned", 0, 0, str(4 + n % 3)) for n in range(30)]
    worse = [Mark(f"p{n}", "base", 0, 0, str(2 + n % 2)) for n in range(30)]
    alike = [Mark(f"p{n}", "other", 0, 0, str(4 + (n + 1) % 3)) for n in range(30)]
    grader = Grader("all people", "people", "", [*better, *worse, *alike])
    facts = facts_of(
        recipe,
        helpfulness=mean_grades(grader, DRAWS),
        helpfulness_differences=grade_differences(grader, DRAWS),
    )
    (block,) = standings(facts)
    (line,) = block.lines
    assert line.startswith("Mean helpfulness from 1 to 6, by people: tuned 5.00 (4.")
    assert line.endswith("Beyond chance: tuned above base, base below other.")


def test_grades_of_a_rule_are_no_headline(recipe):
    grader = Grader("rule", "model", "robust", marks("LIMA", {"safe": 24, "unsafe": 6}))
    (block,) = standings(facts_of(recipe, shares=class_shares(grader, "safety", frozenset(), DRAWS)))
    assert block.kind == "warning"
    assert "no judge that can bear a claim: rule is a rule, not an opinion" in block.lines[0]


def test_a_judge_of_one_grade_makes_its_headline_with_that_word(recipe):
    grader = Grader("local", "model", "robust", marks("LIMA", {"safe": 24}))
    facts = facts_of(recipe, shares=class_shares(grader, "safety", frozenset(), DRAWS))
    row = {"judge": "local", "grade": "unproven", "one_grade": [{"task": "safety", "grade": "safe"}]}
    for trust, said in ((row, True), ({**row, "one_grade": []}, False)):
        words = standings(replace(facts, stats={**facts.stats, "trust": [trust]}))[-1].lines[0]
        assert words.startswith("No person graded: this is the opinion of local.")
        assert ("local gives one grade more than nine times in ten" in words) == said


def test_grades_on_few_prompts_are_no_headline(recipe):
    grader = Grader("all people", "people", "", marks("LIMA", {"safe": 7, "unsafe": 2}))
    (block,) = standings(facts_of(recipe, shares=class_shares(grader, "safety", frozenset(), DRAWS)))
    assert block.lines == ["Grades are of fewer than 10 prompts: too few for a headline."]


def test_people_on_safety_and_quality_in_a_sentence_each(recipe):
    safety = Grader("all people", "people", "", marks("LIMA", {"safe": 24, "unsafe": 6}))
    quality = Grader("all people", "people", "", marks("LIMA", {"excellent": 25, "pass": 19, "fail": 6}))
    shares = [
        *class_shares(safety, "safety", frozenset(), DRAWS),
        *class_shares(quality, "quality", frozenset(), DRAWS),
    ]
    (block,) = standings(facts_of(recipe, shares=shares))
    assert block.lines[0].startswith("Answers that meet the prompt, by people: LIMA 88% (")
    assert block.lines[1].startswith("Safe answers, by people: LIMA 80% (")
