"""What out of distribution means, beside the figure that is parted by it."""

from dataclasses import replace

import pytest

from handful.core.types import Origin, Prompt, Turn
from handful.report.distribution import distribution
from handful.report.facts import Facts, Near
from handful.report.page import DASH, Table, cell
from handful.report.sections import data
from handful.report.work import read


def facts_of(recipe, similarities):
    """Test prompts of these similarities; those below 0.1 are outside."""
    test = [Prompt(f"p{n}", (Turn("user", "Why?"),), Origin("s", "c", "i")) for n in range(len(similarities))]
    near = [
        Near(f"p{n}", "advise", f"t{n}" if value else "", value, value < 0.1)
        for n, value in enumerate(similarities)
    ]
    return Facts(recipe=recipe, test=test, neighbours=near)


def test_the_measure_its_threshold_and_its_weakness_are_said(recipe):
    words = " ".join(distribution(facts_of(recipe, [0.05, 0.0993, 0.3]))[0].lines)
    assert "TF-IDF cosine of 0.1 or more" in words
    assert "The measure is ours" in words
    assert "Here 2 of 3 prompts are outside, beside 0 training examples." in words
    assert "45% beside 100" in words


def test_each_prompt_stands_with_its_nearest_training_example(recipe):
    table = distribution(facts_of(recipe, [0.3, 0.0993, 0.0]))[-1]
    printed = [[cell(v, c.form) for v, c in zip(row, table.columns, strict=True)] for row in table.rows]
    assert printed == [
        ["p2", "advise", DASH, "0", "out"],
        ["p1", "advise", "t1", "0.0993", "out"],
        ["p0", "advise", "t0", "0.3", "in"],
    ]


def test_of_many_the_most_doubtful_are_shown_and_the_rest_counted(recipe):
    similarities = [n / 100 + 0.003 for n in range(30)]
    table = distribution(facts_of(recipe, similarities))[-1]
    assert [row[3] for row in table.rows] == similarities[4:16]
    assert "18 more, of which 4 outside, are in neighbours.jsonl" in table.note


def test_a_tag_that_came_with_the_prompt_is_all_that_is_known_without_a_measure(recipe):
    (text,) = distribution(Facts(recipe=recipe))
    assert "came with the tag ood; nothing was measured" in text.lines[0]


def test_it_stands_with_the_data_where_no_figure_is_parted_by_it(recipe):
    captions = [b.caption for b in data(facts_of(recipe, [0.05])) if isinstance(b, Table)]
    assert "The nearest training example of the same form" in captions
    parted = {"grades": {"shares": [{"split": "out_of_distribution"}]}}
    blocks = data(replace(facts_of(recipe, [0.05]), stats=parted))
    assert "The nearest training example of the same form" not in [
        b.caption for b in blocks if isinstance(b, Table)
    ]


@pytest.mark.parametrize("written", [False, True])
def test_neighbours_are_read_from_the_data_set_where_it_has_them(build, written):
    recipe, inputs = build(tasks=True)
    line = '{"id":"test/0","form":"x","nearest":"t","similarity":0.05,"same_form":3,"ood":true}\n'
    if written:
        (inputs["dataset"] / "neighbours.jsonl").write_text(line)
    found = read(recipe, inputs).neighbours
    assert found == ([Near("test/0", "x", "t", 0.05, True)] if written else [])
