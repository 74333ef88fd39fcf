"""Distances are the cosines of plain TF-IDF, and what is shared is counted as `clean` counts it."""

import math
from collections import Counter

import pytest

from handful.experiments.alike import common_runs, nearest, shared, spread, vectors

TEXTS = ["red bread rises", "red bread, red oven", "a boat at sea"]


def cosine(one, other, texts):
    """The same by the book: (1 + ln tf) * (ln((1 + N) / (1 + df)) + 1), by dictionaries."""
    split = [text.replace(",", "").split() for text in texts]

    def vector(words):
        return {
            word: (1 + math.log(n)) * (math.log((1 + len(split)) / (1 + sum(word in o for o in split))) + 1)
            for word, n in Counter(words).items()
        }

    a, b = vector(split[one]), vector(split[other])
    length = math.dist(list(a.values()), [0] * len(a)) * math.dist(list(b.values()), [0] * len(b))
    return sum(value * b.get(word, 0) for word, value in a.items()) / length


def test_the_nearest_is_the_one_of_the_greatest_cosine():
    (made,) = vectors([TEXTS])
    first, second, third = nearest(made)
    assert (first.other, second.other) == (1, 0)
    assert first.similarity == pytest.approx(cosine(0, 1, TEXTS))
    assert third.similarity == 0


def test_of_two_sets_the_weights_are_those_of_both():
    one, other = vectors([TEXTS[:1], TEXTS[1:]])
    (pair,) = nearest(one, other)
    assert (pair.one, pair.other) == (0, 0)
    assert pair.similarity == pytest.approx(cosine(0, 1, TEXTS))


def test_the_same_text_is_at_one_and_a_text_alone_has_no_neighbour():
    (made,) = vectors([["The red boat.", "the RED boat"]])
    assert [pair.similarity for pair in nearest(made)] == pytest.approx([1, 1])
    (alone,) = vectors([["one text"]])
    assert nearest(alone) == []
    with pytest.raises(ValueError, match="no text has a neighbour"):
        spread([])


def test_more_texts_than_are_compared_at_a_time(monkeypatch):
    monkeypatch.setattr("handful.experiments.alike.ROWS", 2)
    texts = ["a b", "c d", "e f", "c d x", "a b y"]
    (made,) = vectors([texts])
    assert [pair.other for pair in nearest(made)][:2] == [4, 3]
    assert [pair.other for pair in nearest(made)][3:] == [1, 0]


def test_a_spread_is_of_the_neighbours_similarities():
    (made,) = vectors([TEXTS])
    found = spread(nearest(made))
    value = cosine(0, 1, TEXTS)
    assert (found.n, found.highest) == (3, pytest.approx(value))
    assert found.mean == pytest.approx(2 * value / 3)
    assert found.median == pytest.approx(value)


def test_a_long_run_of_words_in_common_is_found_wherever_it_stands():
    run = "one two three four five six seven eight nine ten eleven twelve thirteen"
    texts = [["Hello there, all of you?", f"So: {run}."], ["Hello", "Nothing."]]
    ((number, words),) = common_runs(texts, [[f"Why {run}?"]])
    assert number == 0
    assert "shares" in words
    assert common_runs([["Is it?"]], [["Quite other words?"]]) == []


def test_what_two_texts_share_is_counted_in_runs_of_five_words():
    text = " ".join(str(n) for n in range(30))
    assert shared(text, text) == 1
    assert shared(text, "quite another") == 0
