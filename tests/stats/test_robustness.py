"""Robustness: the worst of k samples and prompts asked in another way, by hand."""

import pytest
from scipy import stats as peer

from handful.core.types import Comparison, Grade, Seal, Signature, Turn, Verdict
from handful.recipe.evaluation import StatsOfPanels
from handful.stats.bootstrap import Bootstrap
from handful.stats.facts import Study
from handful.stats.grades import Grader, Mark
from handful.stats.readings import annotator, pairs_of
from handful.stats.robustness import Variant, of_annotators, of_grader, robustness
from handful.stats.summary import summarize

QUICK = Bootstrap(draws=400)


def grader(grades, name="j", kind="model", system="a"):
    """`grades`: prompt -> its samples' grades."""
    marks = [Mark(p, system, k, 0, g) for p, own in grades.items() for k, g in enumerate(own)]
    return Grader(name, kind, "robust", marks)


def of(grades, task="helpfulness", variants=None, **more):
    return robustness(of_grader(grader(grades, **more), task), variants or {}, QUICK)


def test_the_worst_the_mean_and_the_best_of_three_samples():
    (row,) = of({"p": ["6", "3", "3"], "q": ["2", "1", "6"], "r": ["5", "5", "5"]}).worst_of_k
    assert (row.k, row.worst.n, row.left_out) == (3, 3, 0)
    assert row.worst.estimate == pytest.approx((3 + 1 + 5) / 3)
    assert row.mean.estimate == pytest.approx((4 + 3 + 5) / 3)
    assert row.best.estimate == pytest.approx((6 + 6 + 5) / 3)
    assert row.worst.low < row.worst.estimate < row.worst.high


def test_a_prompt_with_fewer_readable_samples_is_left_out_since_its_worst_would_be_better():
    (row,) = of({"p": ["6", "1"], "q": ["4", None], "r": ["3"]}).worst_of_k
    assert (row.k, row.worst.n, row.left_out, row.worst.estimate) == (2, 1, 2, 1)


def test_one_sample_a_prompt_has_no_worst():
    assert of({"p": ["6"], "q": ["4"]}).worst_of_k == ()


def test_nothing_readable_gives_no_figure():
    (row,) = of({"p": [None, None]}).worst_of_k
    assert (row.worst.estimate, row.best.n, row.left_out) == (None, 0, 1)


def test_of_safety_the_worst_is_how_often_every_sample_is_safe():
    (row,) = of(
        {"p": ["safe", "unsafe"], "q": ["safe", "safe"], "r": ["unsafe", "unsafe"]}, "safety"
    ).worst_of_k
    found = [round(each.estimate, 3) for each in (row.worst, row.mean, row.best)]
    assert found == [round(1 / 3, 3), 0.5, round(2 / 3, 3)]


def test_two_people_on_one_sample_are_no_two_samples():
    marks = [Mark("p", "a", 0, 0, "2"), Mark("p", "a", 0, 0, "4"), Mark("p", "a", 1, 0, "5")]
    pooled = Grader("people", "people", "", marks)
    (row,) = robustness(of_grader(pooled, "helpfulness"), {}, QUICK).worst_of_k
    assert (row.k, row.worst.estimate, row.best.estimate) == (2, 3, 5)


def comparisons(said):
    """A judge's verdicts on the subject's samples, prompt by prompt: the subject is always left."""
    seals, verdicts = [], []
    for prompt, outcomes in said.items():
        for sample, outcome in enumerate(outcomes):
            id = f"{prompt}/{sample}"
            seals.append(Seal(id, prompt, "mine", "theirs", sample))
            verdicts.append(Verdict(id, "j", {"win": "left", "loss": "right", "tie": "tie"}[outcome]))
    return seals, verdicts


def test_a_prompt_is_lost_where_any_sample_loses():
    seals, verdicts = comparisons(
        {"p": ["win", "loss"], "q": ["tie", "win"], "r": ["loss", "loss"], "s": ["win", "win"]}
    )
    judge = annotator("j", "model", verdicts, [s.comparison_id for s in seals], "lima")
    (row,) = robustness(of_annotators([judge], pairs_of(seals, [("mine", "theirs")])), {}, QUICK).worst_of_k
    assert (row.system, row.baseline, row.task) == ("mine", "theirs", "preference")
    assert 1 - row.worst.estimate == 0.5  # p and r have a sample that loses
    assert 1 - row.mean.estimate == 3 / 8
    assert row.best.estimate == 0.75


VARIANTS = {
    **{f"{p}~typos": Variant(p, "typos") for p in "pqrs"},
    "p1": Variant("p", "paraphrase"),
    "p2": Variant("p", "paraphrase"),
    "q1": Variant("q", "paraphrase"),
}
VARIED = {
    "p": ["6", "4"],
    "q": ["3"],
    "r": ["5"],
    "s": ["4"],
    "p~typos": ["3"],
    "q~typos": ["3"],
    "r~typos": ["4"],
    "s~typos": [None],
    "p1": ["2"],
    "p2": ["4"],
    "q1": ["5"],
}


def test_variants_are_paired_with_their_originals():
    rows = {row.variant: row for row in of(VARIED, variants=VARIANTS).variants}
    typos = rows["typos"]
    assert (typos.drop.n, typos.original.estimate, typos.changed.estimate) == (3, 13 / 3, 10 / 3)
    assert typos.drop.estimate == pytest.approx(1)  # of 2, 0 and 1; s has no grade that can be read
    theirs = peer.t.interval(0.95, 2, 1, peer.sem([2, 0, 1]))
    assert (typos.drop.low, typos.drop.high) == pytest.approx(theirs, abs=0.01)
    assert typos.p_value == 0.5  # of +2 and +1, two of four assignments of signs are as far
    assert rows["paraphrase"].drop.estimate == pytest.approx((5 - 3 + 3 - 5) / 2)  # two of p count once
    assert typos.p_holm >= typos.p_value


def test_the_worst_variant_has_no_p_since_the_least_of_several_is_lower_by_chance():
    worst = of(VARIED, variants=VARIANTS).variants[-1]
    assert (worst.variant, worst.p_value) == ("worst", None)
    assert worst.drop.estimate == pytest.approx((5 - 2 + 3 - 3 + 5 - 4) / 3)


def test_variants_are_no_samples_and_count_in_no_worst_of_k():
    (row,) = of(VARIED, variants=VARIANTS).worst_of_k
    assert (row.k, row.worst.n, row.worst.estimate) == (2, 1, 4)


def test_every_table_has_the_systems_in_the_order_of_the_pairs():
    """However the submissions were shuffled."""
    shuffled = [("q", "theirs"), ("q", "mine"), ("p", "mine"), ("p", "theirs")]
    signed = {
        f"{task}/{p}/{s}": Signature(f"{task}/{p}/{s}", p, s, 0, task)
        for task in ("quality", "safety")
        for p, s in (shuffled if task == "quality" else shuffled[::-1])
    }
    pair = Comparison("c", "p", (Turn("user", "?"),), "x", "y")
    study = Study(
        comparisons={"c": pair},
        seals={"c": Seal("c", "p", "theirs", "mine")},
        named=[("mine", "theirs")],
        signatures=signed,
        grades={"j": [Grade(id, "j", "pass" if "quality" in id else "safe") for id in signed]},
        people_grades={"ann": [Grade(id, "ann", None) for id in signed]},
    )
    assert study.systems() == ["mine", "theirs"]
    for task in ("quality", "safety"):
        assert [g.systems() for g in study.graders(task)] == [["mine", "theirs"]] * 3


def test_people_one_by_one_are_left_out():
    assert of({"p": ["6", "1"]}, kind="person").worst_of_k == ()


def study(variants):
    """A judge grades two prompts and a variant of each, and compares the same."""
    prompts = ["p", "q", "p~typos", "q~typos"]
    pairs = {f"c/{p}": Comparison(f"c/{p}", p, (Turn("user", p),), "x", "y") for p in prompts}
    return Study(
        comparisons=pairs,
        seals={id: Seal(id, c.prompt_id, "mine", "theirs") for id, c in pairs.items()},
        named=[("mine", "theirs")],
        judges={"j": [Verdict(id, "j", "right" if "~" in id else "left") for id in pairs]},
        signatures={f"s/{p}": Signature(f"s/{p}", p, "mine", 0, "helpfulness") for p in prompts},
        grades={"j": [Grade(f"s/{p}", "j", "2" if "~" in p else "5") for p in prompts]},
        modes={"j": "lima"},
        variants=variants,
    )


def test_no_other_figure_counts_variants():
    settings = StatsOfPanels(draws=200)
    found = summarize(study({f"{p}~typos": Variant(p, "typos") for p in "pq"}), settings)
    assert (found.preference[0].wins, found.preference[0].losses, found.pairs[0].prompts) == (2, 0, 2)
    assert found.grades.helpfulness[0].mean.estimate == 5
    assert [j.comparisons for j in found.losses.judges] == [2]
    drops = {row.task: row.drop.estimate for row in found.robustness.variants}
    assert drops == {"preference": 2, "helpfulness": 3}
    every = summarize(study({}), settings)
    assert (every.pairs[0].prompts, every.grades.helpfulness[0].mean.estimate) == (4, 3.5)
