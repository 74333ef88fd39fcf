import random
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.clean.hashes import FACTOR, word_hashes
from handful.clean.near import (
    BINS,
    FAR,
    MOST_COMPARED,
    Kept,
    bands,
    filled,
    least_of_bins,
    rows_a_band,
    shingles,
    similarity,
)


def bands_of(words, rows=5):
    """Those of one text; none where it is too short."""
    (numbers,) = bands([b" ".join(words)], rows).tolist()
    return numbers if any(numbers) else []


def text(rng, length):
    return [b"%x" % rng.randrange(5000) for _ in range(length)]


def changed(rng, words, edits):
    """The words with so many of them, far enough apart, replaced: each takes five shingles away and brings five."""
    places = rng.sample(range(5, len(words) - 5, 6), edits)
    return [b"new%d" % place if place in places else word for place, word in enumerate(words)]


def test_shingles_are_runs_of_five_different_ones_counted_once():
    assert shingles([b"a", b"b"] * 40) == frozenset()
    words = [b"%d" % n for n in range(20)]
    assert len(shingles(words)) == 16
    assert (b"0", b"1", b"2", b"3", b"4") in shingles(words)
    assert shingles(words[:19]) == frozenset()


def test_similarity_is_what_both_have_over_what_either_has():
    words = [b"%d" % n for n in range(104)]  # 100 shingles
    other = [*words[:50], b"new", *words[51:]]  # five of them differ
    assert similarity(shingles(words), shingles(other)) == pytest.approx(95 / 105)
    assert similarity(frozenset(), frozenset()) == 0.0


@pytest.mark.parametrize("least", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_bands_are_as_long_as_recall_allows(least):
    rows = rows_a_band(least)
    count = BINS // rows
    assert 1 - (1 - least**rows) ** count >= 0.995
    assert len(bands_of([b"%d" % n for n in range(50)], rows)) == count
    assert rows_a_band(0.8) == 5


@pytest.mark.parametrize("length", [30, 60, 350])
def test_pairs_above_the_threshold_agree_in_a_band_and_strangers_do_not(length):
    rng = random.Random(length)
    found = wanted = 0
    strangers = []
    for _ in range(300):
        words = text(rng, length)
        other = changed(rng, words, edits=max(1, length // 60))
        strangers.append(bands_of(words))
        if similarity(shingles(words), shingles(other)) >= 0.8:
            wanted += 1
            found += any(one == two for one, two in zip(strangers[-1], bands_of(other), strict=True))
    if length > 50:
        assert wanted == 300
    assert found >= 0.99 * wanted
    assert not any(one == two for pair in pairwise(strangers) for one, two in zip(*pair, strict=True))


def test_too_short_a_text_has_no_bands():
    assert bands_of([b"%d" % n for n in range(19)]) == []
    assert bands_of([b"%d" % n for n in range(20)]) != []
    assert bands_of([b"same"] * 1000) == []
    assert bands_of([]) == []


@given(
    st.lists(
        st.lists(st.sampled_from([b"a", b"b", b"c", b"of", b"longer than eight"]), max_size=60), max_size=6
    )
)
def test_a_text_has_the_same_bands_among_others_as_alone(texts):
    joined = [b" ".join(words) for words in texts]
    assert bands(joined, 5).tolist() == [bands([text], 5)[0].tolist() for text in joined]


def test_a_bin_has_the_least_hash_of_a_run_and_an_empty_one_the_next_bins():
    words, counts = word_hashes([b" ".join(b"%d" % n for n in range(length)) for length in (30, 3, 25)])
    least = least_of_bins(words, counts)
    expected = np.full((3, BINS), 2**64 - 1, np.uint64)
    for text, start, length in ((0, 0, 30), (1, 30, 3), (2, 33, 25)):
        for first in range(start, start + length - 4):
            hash = run_hash([int(word) for word in words[first : first + 5]])
            bin = (hash >> 32) * BINS >> 32
            expected[text, bin] = min(expected[text, bin], hash)
    assert least.tolist() == expected.tolist()
    row = expected[0].tolist()
    full = [place for place in range(BINS) if row[place] != 2**64 - 1]
    for place, value in enumerate(filled(least[:1], least[:1] != 2**64 - 1)[0].tolist()):
        following = min(full, key=lambda other: (other - place) % BINS)
        assert value == (row[following] + (following - place) % BINS * int(FAR)) % 2**64


def run_hash(words):
    """In Python's numbers: a polynomial, and splitmix64's last step."""
    factor = int(FACTOR)
    pairs = [(one * factor + two) % 2**64 for one, two in pairwise(words)]
    value = ((pairs[0] * factor + pairs[2]) * factor + words[4]) % 2**64
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


def test_another_process_makes_the_same_numbers():
    """They are kept in files of shards, which other processes and other versions of Python read."""
    program = (
        "from handful.clean.near import bands; "
        "print(bands([b' '.join(b'%d' % n for n in range(40))], 5)[0, :2].tolist())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert printed == {"[14467475891964857990, 15138148816117750503]\n"}


@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"])), st.integers(1, 10))
def test_any_words_have_bands_of_64_bits_or_none(words, rows):
    assert all(0 < number < 1 << 64 for number in bands_of(words, rows))


def test_of_many_that_agree_the_first_are_compared():
    kept = Kept()
    for position in range(200):
        kept.add(position, [(2, 7), (3, position)])
    assert list(kept.alike([(3, 150), (2, 7), (9, 9)])) == [150, *range(MOST_COMPARED - 1)]
