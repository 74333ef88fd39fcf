import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from handful.clean.hashes import scattered, word_hashes

WORD = st.text("abAB01_é", min_size=1, max_size=40).map(str.encode)


@given(st.lists(st.lists(WORD, max_size=8), max_size=5))
def test_equal_words_have_equal_numbers_wherever_they_stand_and_others_have_not(texts):
    hashes, counts = word_hashes([b"  ".join(words) for words in texts])
    assert counts.tolist() == [len(words) for words in texts]
    words = [word for words in texts for word in words]
    for one, number in zip(words, hashes.tolist(), strict=True):
        for two, other in zip(words, hashes.tolist(), strict=True):
            same = len(one) == len(two) and one[:32] == two[:32]
            assert (number == other) == same


def test_a_word_of_up_to_eight_bytes_is_its_own_number():
    hashes, counts = word_hashes([b" a bc ", b"", b"12345678"])
    assert hashes.tolist() == [int.from_bytes(word, "little") for word in (b"a", b"bc", b"12345678")]
    assert counts.tolist() == [2, 0, 1]


def test_splitmix64_begins_as_its_author_has_it():
    """Steele, Lea and Flood 2014; the first two numbers from the seed 0, as Vigna's splitmix64.c prints them."""
    golden = 0x9E3779B97F4A7C15
    seeds = np.array([golden, 2 * golden % 2**64], np.uint64)
    assert [hex(number) for number in scattered(seeds).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
    ]
