import click
import pytest

from handful.cli.readable import block, count_lines, excerpt, highlighted, matches, words_seen


def test_the_words_that_a_rule_saw_are_those_in_quotation_marks():
    assert words_seen(['says "my"', "score 3 < 10", 'says "my" and "as I said"']) == ["my", "as I said"]


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("I think, Ida", "I", ["I"]),
        ("in my mymy own", "my", ["my"]),
        ("as\n  I said", "as I said", ["as\n  I said"]),
        ("thanks @ann, @anna", "@ann", ["@ann"]),
        ("`I` and I", "I", ["I"]),
        ("only `I`", "I", ["I"]),
        ("it's I'm", "I'm", ["I'm"]),
        ("C++ (a)", "C++", ["C++"]),
        ("none", "I", []),
        ("none", " ", []),
    ],
)
def test_words_are_found_whole(text, words, found):
    assert [text[start:end] for start, end in matches(text, [words])] == found


def test_words_in_code_do_not_count_where_there_are_others():
    assert matches("```\nI = 1\n```\nI think", ["I"]) == [(14, 15)]


def test_an_excerpt_is_cut_around_the_words():
    text = f"{'before ' * 200}HERE {'after ' * 200}"
    cut = excerpt(text, ["HERE"], 300)
    assert cut.startswith("…before")
    assert "HERE after" in cut
    assert cut.endswith(f"… ({len(text.strip()):,} characters)")
    assert len(cut) < 350
    assert excerpt("short", ["HERE"]) == "short"
    assert excerpt("a" * 1000, [], 300) == "a" * 300 + "… (1,000 characters)"


def test_a_match_that_runs_over_the_end_of_a_line_is_marked_on_both():
    marked = highlighted("as\nmentioned above", ["as mentioned"])
    assert (
        marked
        == f"{click.style('as', fg='black', bg='yellow')}\n{click.style('mentioned', fg='black', bg='yellow')} above"
    )


def test_a_block_keeps_the_author_s_lines_and_fits():
    lines = block("- one\n  - two\n\n\n\n" + "word " * 50, indent=4)
    assert lines[:3] == ["    - one", "      - two", ""]
    assert max(map(len, lines)) <= 100


def test_counts_of_every_kind_are_readable():
    counts = {
        "train": 1_000,
        "loss": 2.345678,
        "dropped": {},
        "communities": {f"site{n}": n for n in range(15)},
        "drawn": {"se": {"beer": 2, "ai": 3}},
    }
    assert count_lines(counts) == [
        "  train    1,000",
        "  loss   2.34568",
        "  dropped: none",
        "  communities",
        *(f"    site{n}{' ' if n < 10 else ''}  {n:>2}" for n in range(14, 2, -1)),
        "    and 3 more",
        "  drawn",
        "    se: ai 3, beer 2",
    ]
