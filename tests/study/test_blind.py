from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from handful.core.types import Origin, Prompt, Response, Turn
from handful.study.blind import blind, half_left
from handful.study.design import Pairing


def pairings(count: int, other: str = "base") -> list[Pairing]:
    return [
        Pairing(
            Prompt(f"p{n}", (Turn("user", f"Question {n}?"),), Origin("s", "", "")),
            Response(f"p{n}", "tuned", f"long answer {n}", 0, "eot", 3),
            Response(f"p{n}", other, f"{other} answer {n}", 0, "eot", 3),
        )
        for n in range(count)
    ]


@given(st.integers(0, 301), st.integers())
def test_half_of_the_sides_are_left(count, seed):
    sides = half_left(count, Random(seed))
    assert len(sides) == count
    assert sum(sides) in (count // 2, count - count // 2)


def test_where_the_count_is_odd_the_odd_one_falls_on_both_sides():
    assert {sum(half_left(5, Random(seed))) for seed in range(30)} == {2, 3}


@given(st.integers(1, 40), st.integers(0, 1000))
def test_each_pair_of_systems_is_balanced_by_itself(count, seed):
    sealed = blind([pairings(count), pairings(count + 1, "few")], seed)
    for other, size in (("base", count), ("few", count + 1)):
        left = sum(seal.left == "tuned" for _, seal in sealed if other in (seal.left, seal.right))
        assert left in (size // 2, size - size // 2)


def test_the_seal_tells_the_truth():
    for comparison, seal in blind([pairings(20)], 3):
        said = {"tuned": comparison.left, "base": comparison.right}
        if seal.left == "base":
            said = {"tuned": comparison.right, "base": comparison.left}
        assert said["tuned"].startswith("long")
        assert said["base"].startswith("base")
        assert (seal.comparison_id, seal.prompt_id) == (comparison.id, comparison.prompt_id)


def test_comparisons_are_shuffled_and_the_seed_decides():
    order = [c.prompt_id for c, _ in blind([pairings(30)], 0)]
    assert order != sorted(order, key=lambda id: int(id[1:]))
    assert sorted(order) == sorted(f"p{n}" for n in range(30))
    assert blind([pairings(30)], 0) == blind([pairings(30)], 0)
    assert blind([pairings(30)], 0) != blind([pairings(30)], 1)


def test_another_system_leaves_the_comparisons_of_the_first_as_they_were():
    alone = {c.id: c for c, _ in blind([pairings(30)], 0)}
    both = {c.id: c for c, _ in blind([pairings(30), pairings(30, "few")], 0)}
    assert alone.items() <= both.items()
    assert len(both) == 60


def test_ids_are_distinct_even_where_two_comparisons_show_the_same():
    once = pairings(4)
    ids = [c.id for c, _ in blind([once, once], 0)]
    assert len(set(ids)) == 8


def test_an_id_follows_from_what_is_shown_alone():
    """The same texts by systems of other names have the same id, if the sides fall alike."""
    ours = {c.id for c, _ in blind([pairings(40)], 0)}
    renamed = [
        Pairing(p.prompt, Response(*("p", "x", p.subject.text, 0, "eot", 3)), p.baseline)
        for p in pairings(40)
    ]
    theirs = {c.id for c, _ in blind([renamed], 0)}
    assert 0 < len(ours & theirs) < 40
