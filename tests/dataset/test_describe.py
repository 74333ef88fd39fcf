import json

from handful.core.types import Example, Origin, Prompt, Turn
from handful.dataset.describe import PAPER_TOKENS, Length, Paper, table
from handful.recipe.curation import TABLE_1


def test_lengths_are_means_and_medians_over_all_turns_of_a_side(make_example):
    dialogue = Example(
        "m",
        (Turn("user", "ab cd"), Turn("assistant", "x"), Turn("user", "e"), Turn("assistant", "y z")),
        Origin("other", "c", "m"),
    )
    (row,) = table({"train": [make_example("a", "abc", "one two three"), dialogue], "dev": [], "test": []})
    assert (row.split, row.source, row.examples, row.turns) == ("train", "other", 2, 6)
    assert row.input == Length(4.5, 4.5, 2.0, 2.0)  # "abc": 3, 1 word; "ab cd" + "e": 6, 3 words
    assert row.output == Length(8.5, 8.5, 3.0, 3.0)  # 13, 3 words; 1 + 3, 3 words
    assert row.paper == Paper(200, 119, 530)


def test_prompts_have_no_output_and_other_sources_no_row_in_the_paper(make_example):
    rows = table({"train": [make_example("a", source="mine")], "test": [make_example("t").prompt()]})
    assert (rows[0].paper, rows[1].output, rows[1].paper) == (None, None, None)


def test_the_papers_held_out_prompts_stand_beside_ours_without_lengths_that_we_cannot_confirm(make_example):
    splits = {
        "dev": [make_example("d", source="authored")],
        "test": [make_example("t", source="askreddit").prompt()],
    }
    assert [row.paper for row in table(splits)] == [Paper(50, None, None), Paper(70, None, None)]


def test_sources_stand_in_the_order_of_table_1(make_example):
    names = ["zoo", "authored", "stem", "bar", "wikihow"]
    rows = table({"train": [make_example(name, source=name) for name in names]})
    assert [row.source for row in rows] == ["stem", "wikihow", "authored", "bar", "zoo"]


def test_the_papers_rows_are_those_of_the_default_quota():
    assert list(PAPER_TOKENS) == list(TABLE_1)
    tokens = sum(TABLE_1[name] * (given + answered) for name, (given, answered) in PAPER_TOKENS.items())
    assert tokens == 759_800  # Section 2: "roughly 750,000 tokens"


def test_the_released_test_prompts_are_as_long_as_a_plain_count_says(shared_data):
    lines = (shared_data / "lima" / "lima_test_set.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [str(next(iter(json.loads(line).values()))) for line in lines]
    prompts = [Prompt(str(n), (Turn("user", t),), Origin("x", "x", str(n))) for n, t in enumerate(texts)]
    (row,) = table({"test": prompts})
    assert row.examples == len(lines)
    assert row.input.mean_words == round(sum(len(t.split()) for t in texts) / len(texts), 1)
