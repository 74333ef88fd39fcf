"""Rates and agreement: by hand, by the study's own functions, and laws that hold for any table."""

from itertools import combinations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.stats import agreement as of_a_study
from handful.stats.bootstrap import Bootstrap
from handful.votes.agree import groups_agree
from handful.votes.annotators import annotators
from handful.votes.between import annotators_agree
from handful.votes.rates import rates
from handful.votes.readings import readings
from handful.votes.resample import MAX_CLUSTERS, Resampler
from handful.votes.summary import tally
from handful.votes.table import Builder
from handful.votes.words import words

FEW = Resampler(draws=1_000)
CHOICES = ["left", "right", "tie"]


def built(rows, **options):
    builder = Builder(words("sides"))
    for line, row in enumerate(rows, start=2):
        builder.add(line, *row)
    return builder.finish()


# --- rates


def test_wins_count_for_a_system_on_whichever_side_it_stood(table):
    votes = table(["1 ann new old left", "2 ann old new left", "3 ann old new right", "4 ann new old tie"])
    (row,) = rates(votes, readings(votes), FEW)
    assert (row.first, row.second, row.verdicts, row.prompts) == ("new", "old", 4, 4)
    assert (row.wins, row.ties, row.losses) == (2, 1, 1)
    assert (row.win.estimate, row.at_least_as_good.estimate, row.ties_as_half.estimate) == (0.5, 0.75, 0.625)
    assert row.net.estimate == 0.25
    assert row.p_value == 1.0


def test_the_system_that_is_in_every_pair_comes_first(table):
    votes = table(["1 ann zeta alpha left", "1 ann beta zeta tie"])
    assert [(r.first, r.second) for r in rates(votes, readings(votes), FEW)] == [
        ("zeta", "alpha"),
        ("zeta", "beta"),
    ]


def test_weights_count_in_rates_and_not_in_counts(table):
    votes = table(["1 ann new old left - - 3", "2 ann new old right - - 1"])
    (row,) = rates(votes, readings(votes), FEW)
    assert (row.wins, row.losses, row.win.estimate) == (1, 1, 0.75)


def test_p_values_are_adjusted_for_the_number_of_pairs(table):
    votes = table([f"{p} ann new {old} left" for p in range(6) for old in ("a", "b")])
    assert [row.p_value for row in rates(votes, readings(votes), FEW)] == [2 / 64, 2 / 64]
    assert [row.p_holm for row in rates(votes, readings(votes), FEW)] == [4 / 64, 4 / 64]


def test_each_group_has_rates_of_its_own(table):
    votes = table(["1 ann new old left people", "1 gpt new old right judge", "2 gpt new old right judge"])
    found = {row.group: (row.wins, row.losses) for row in rates(votes, readings(votes), FEW)}
    assert found == {"": (1, 2), "judge": (0, 2), "people": (1, 0)}


def test_intervals_know_that_verdicts_on_one_prompt_go_together():
    """Ten who always agree say no more than one."""
    rng = np.random.default_rng(0)
    said = [CHOICES[i] for i in rng.integers(3, size=60)]
    one = built([(str(p), "a", "x", "y", c) for p, c in enumerate(said)])
    ten = built([(str(p), f"a{k}", "x", "y", c) for p, c in enumerate(said) for k in range(10)])
    (first,), (second,) = (rates(votes, readings(votes), FEW) for votes in (one, ten))
    assert (second.win.low, second.win.high) == pytest.approx((first.win.low, first.win.high), abs=1e-6)
    assert second.standard_error == pytest.approx(first.standard_error)


def test_intervals_are_those_of_a_study():
    rng = np.random.default_rng(1)
    rows = [(str(p), "a", "x", "y", CHOICES[rng.integers(3)]) for p in range(80) for _ in range(p % 3 + 1)]
    votes = built(rows)
    (mine,) = rates(votes, readings(votes, "each"), Resampler(draws=10_000))
    prompts = [row[0] for row in rows]
    theirs = Bootstrap().mean(prompts, [float(row[4] == "left") for row in rows])
    assert mine.win.estimate == pytest.approx(theirs.estimate)
    assert (mine.win.low, mine.win.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_beyond_a_thousand_prompts_blocks_of_them_are_resampled():
    """The width is that of the formula for independent prompts."""
    rng = np.random.default_rng(2)
    n = 5 * MAX_CLUSTERS
    votes = built([(str(p), "a", "x", "y", "left" if rng.random() < 0.3 else "right") for p in range(n)])
    (row,) = rates(votes, readings(votes), Resampler())
    share = row.win.estimate
    assert row.win.n == n
    assert row.win.high - row.win.low == pytest.approx(2 * 1.96 * (share * (1 - share) / n) ** 0.5, rel=0.08)


def test_intervals_cover():
    """Prompts differ in their rate, and have 1 to 4 verdicts: 95% of intervals hold the true rate."""
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(300):
        chance = rng.beta(2, 3, size=40)
        rows = [
            (str(p), f"a{k}", "x", "y", "left" if rng.random() < chance[p] else "right")
            for p in range(40)
            for k in range(1 + p % 4)
        ]
        votes = built(rows)
        (row,) = rates(votes, readings(votes), Resampler(draws=1_000, seed=trial))
        held += row.win.low <= 0.4 <= row.win.high
    assert 0.91 <= held / 300 <= 0.98


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("pqr"), st.sampled_from("abc"), st.sampled_from(CHOICES), st.booleans()),
        min_size=1,
        max_size=25,
    ),
    st.randoms(),
)
def test_neither_sides_nor_the_order_of_rows_change_anything(rows, random):
    rows = list({(p, a): (p, a, c, flip) for p, a, c, flip in rows}.values())
    turn = {"left": "right", "right": "left", "tie": "tie"}
    plain = [(p, a, "x", "y", c) for p, a, c, _ in rows]
    turned = [(p, a, "y", "x", turn[c]) if flip else (p, a, "x", "y", c) for p, a, c, flip in rows]
    random.shuffle(turned)
    (one,), (other,) = (rates(v, readings(v), FEW) for v in (built(plain), built(turned)))
    assert (one.first, one.wins, one.ties, one.losses) == (other.first, other.wins, other.ties, other.losses)
    assert one.win.estimate == pytest.approx(other.win.estimate)


# --- agreement


def test_agreement_by_hand(table):
    said = {"ann": "left left tie right tie", "bob": "left right left right tie"}
    votes = table([f"{p} {n} x y {c}" for n, cs in said.items() for p, c in enumerate(cs.split())])
    ((row,), _) = annotators_agree(votes, readings(votes), FEW, 10)
    assert (row.first, row.second, row.items) == ("ann", "bob", 5)
    assert (row.exact.agreed, row.exact.pairs, row.exact.share.estimate) == (3, 5, 0.6)
    assert (row.exact_without_ties.agreed, row.exact_without_ties.pairs) == (2, 3)
    assert row.tie_discounted.estimate == pytest.approx(3.5 / 5)
    assert row.always_tie == pytest.approx(0.5 + 3 / 20)  # three of ten verdicts are ties
    # ann: left 2/5, right 1/5, tie 2/5; bob: left 2/5, right 2/5, tie 1/5
    assert row.chance_exact == pytest.approx((4 + 2 + 2) / 25)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*CHOICES, ""]), min_size=3, max_size=3), min_size=1, max_size=12))
def test_agreement_is_that_of_a_study(items):
    rows = [
        (str(p // 2), name, "x", f"y{p % 2}", choice)
        for p, said in enumerate(items)
        for name, choice in zip("abc", said, strict=True)
        if choice
    ]
    if not rows:
        return
    votes = built(rows)
    pairs, _ = annotators_agree(votes, readings(votes), FEW, 10)
    shown = {(row.first, row.second): row for row in pairs}
    for i, j in combinations(range(3), 2):
        both = [(str(p // 2), said[i], said[j]) for p, said in enumerate(items) if said[i] and said[j]]
        if not both:
            assert ("abc"[i], "abc"[j]) not in shown
            continue
        row = shown["abc"[i], "abc"[j]]
        theirs = of_a_study.agreement("a", "b", both, Bootstrap(draws=10))
        assert row.exact.pairs == theirs.comparisons
        assert row.exact.share.estimate == pytest.approx(theirs.exact.estimate)
        assert row.tie_discounted.estimate == pytest.approx(theirs.tie_discounted.estimate)
        assert (row.chance, row.always_tie) == pytest.approx((theirs.chance, theirs.always_tie))
        assert row.kappa.estimate == (None if theirs.kappa is None else pytest.approx(theirs.kappa))
    for group in groups_agree(votes, readings(votes), FEW):
        said = [[c for c in own if c] for own in items]
        theirs = of_a_study.alpha(said, of_a_study.tie_discounted)
        assert group.alpha.estimate == (None if theirs is None else pytest.approx(theirs))
        counts = np.array([[own.count(c) for c in CHOICES] for own in said if len(own) > 1])
        if (counts.sum(axis=0) > 0).sum() > 1:
            nominal = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
            assert group.alpha_nominal.estimate == pytest.approx(nominal)


def test_groups_with_themselves_and_with_each_other(table):
    votes = table(
        [
            "1 ann x y left people",
            "1 bob x y left people",
            "1 gpt x y right judge",
            "2 ann x y tie people",
            "2 bob x y left people",
            "2 gpt x y left judge",
        ]
    )
    rows = groups_agree(votes, readings(votes), FEW)
    assert [(r.first, r.second, r.exact.agreed, r.exact.pairs) for r in rows] == [
        ("judge", "people", 1, 4),
        ("people", "people", 1, 2),
    ]


def test_one_name_in_two_groups_is_two_annotators(table):
    votes = table(["1 1 x y left crowd", "1 1 x y left author"])
    ((row,), _) = annotators_agree(votes, readings(votes), FEW, 10)
    assert (row.first, row.second, row.exact.agreed) == ("1 (author)", "1 (crowd)", 1)


def test_turns_and_pairs_of_systems_are_items_of_their_own(table):
    votes = table(["1 ann x y left - 1", "1 bob x y left - 2", "1 ann x z left - 1", "1 bob z x right - 1"])
    ((row,), _) = annotators_agree(votes, readings(votes), FEW, 10)
    assert (row.items, row.exact.agreed) == (1, 1)


def test_those_with_the_fewest_verdicts_are_left_out_beyond_the_limit_and_counted(table):
    votes = table([f"{p} {name} x y left" for name in "abc" for p in range(ord(name) - 90)])
    found = tally(votes, FEW, limit=2)
    assert [(r.first, r.second) for r in found.annotator_pairs] == [("b", "c")]
    assert [a.name for a in found.annotators] == ["c", "b"]
    assert (found.annotators_left_out, found.annotators_not_paired) == (1, 1)
    assert found.groups[0].exact.pairs == 7 + 7 + 8  # all three are in the group


# --- one annotator, more than once


REPEATED = ["1 m x y left", "1 m y x right", "2 m x y left", "2 m y x left", "3 m x y tie", "3 h x y tie"]


@pytest.mark.parametrize(
    ("repeats", "counts"), [("tie", (1, 2, 0)), ("last", (1, 1, 1)), ("each", (3, 1, 1))]
)
def test_several_verdicts_of_one_annotator_on_one_item(table, repeats, counts):
    votes = table([row for row in REPEATED if " h " not in row])
    (row,) = rates(votes, readings(votes, repeats), FEW)
    assert (row.wins, row.ties, row.losses) == counts
    repeated = readings(votes, repeats).repeated
    assert (repeated.items, repeated.verdicts, repeated.differ) == (2, 4, 1)


def test_nobody_agrees_with_themselves(table):
    votes = table(REPEATED)
    (group,) = groups_agree(votes, readings(votes, "each"), FEW)
    assert (group.exact.agreed, group.exact.pairs) == (1, 1)


def test_the_same_in_both_orders_and_the_place_chosen(table):
    votes = table(REPEATED)
    judge = next(a for a in annotators(votes, readings(votes), FEW, 10)[0] if a.name == "m")
    assert (judge.verdicts, judge.left, judge.right, judge.tie) == (5, 3, 1, 1)
    assert judge.first_shown.estimate == 0.75
    assert (judge.swapped, judge.same_when_swapped.estimate) == (2, 0.5)
    assert (judge.repeated, judge.same_when_repeated.estimate) == (0, None)


# --- too little to say


def test_one_row(table):
    found = tally(table(["1 ann x y left"]), FEW)
    (row,) = found.pairs
    assert (row.win.estimate, row.win.low, row.win.note) == (1.0, None, "one prompt gives no interval")
    assert (found.groups, found.annotator_pairs, found.rankings) == ((), (), ())
    assert any("one prompt only" in note for note in found.notes)
    assert any("one annotator only" in note for note in found.notes)


def test_one_prompt_and_many_annotators(table):
    found = tally(table([f"1 a{k} x y {CHOICES[k % 3]}" for k in range(9)]), FEW)
    assert found.pairs[0].win.low is None
    assert found.groups[0].exact.share.low is None
    assert found.groups[0].alpha.low is None


def test_one_system_on_both_sides_is_in_no_figure(table):
    found = tally(table(["1 ann x x left", "1 ann x y left", "2 ann x y tie"]), FEW)
    assert (found.counts.same_system, found.pairs[0].verdicts) == (1, 2)
    assert any("one system on both sides" in note for note in found.notes)
    assert tally(table(["1 ann x x left"]), FEW).pairs == ()


def test_what_could_not_be_read_is_in_no_rate_and_no_tie(table):
    found = tally(
        table(["1 ann x y unreadable", "2 ann x y left", "3 m x y left", "3 m y x unreadable"]), FEW
    )
    (row,) = found.pairs
    assert (row.wins, row.ties, row.losses, found.counts.unreadable) == (1, 0, 0, 2)
    nothing = tally(table(["1 ann x y unreadable"]), FEW)
    assert (nothing.pairs[0].verdicts, nothing.pairs[0].win.estimate) == (0, None)


def test_all_the_same_gives_bounds_and_no_alpha(table):
    found = tally(table([f"{p} {a} x y tie" for p in range(10) for a in "ab"]), FEW)
    assert found.pairs[0].tie.low == pytest.approx(0.025 ** (1 / 10))
    assert found.groups[0].alpha.estimate is None


def test_systems_that_never_met_have_no_common_scale(table):
    found = tally(table(["1 a x y left", "2 a y x left", "3 a v w left", "4 a w v left"]), FEW)
    assert "no common scale" in found.rankings[0].words
    assert all(row.strength.estimate is None for row in found.rankings[0].strengths)
