"""Which figures of ours a claim finds, from rows as stats.json has them."""

from math import log

import pytest

from handful.core.types import Interval, Origin, Prompt, Turn
from handful.experiments import claims
from handful.experiments.comparing import compare
from handful.experiments.evidence import Ablated, Evidence, Run
from handful.experiments.matching import Beside, find
from handful.recipe.judging import Judge, LocalJudge
from handful.recipe.schema import Recipe
from handful.report.facts import Facts

PUBLISHED = claims.read()
RECIPE = Recipe(
    name="made up", sources={}, judge=Judge(judges={"model": LocalJudge(kind="local", mode="lima")})
)
TRUST = [{"judge": "model", "grade": "unproven"}]


def of(estimate, n=20, unit="prompts"):
    return Interval(estimate, estimate - 0.1, estimate + 0.1, n, unit)


def run(stats=None, arms=None, subject="lima", **facts):
    stats = {"trust": TRUST, **stats} if stats else {}
    made = Facts(recipe=RECIPE, stats=stats, **facts)
    return Run(name="made up", facts=made, params={}, subject=subject, arms=arms or {})


def found(id, *runs, ablations=(), subject=""):
    """(estimate, standing) of what stands beside a claim, and how the first is compared."""
    ((group, claim),) = [(g, c) for g in PUBLISHED.group for c in g.claims() if c.id == id]
    ours = find(group, claim, Beside(Evidence(runs, ablations), PUBLISHED.names, subject))
    told = compare(claim, ours[0] if ours else None)
    return [(one.value.estimate, one.standing) for one in ours], told


def shares(task, split, judge="people", kind="people", system="lima", **values):
    counts = {"graded": 20, "counts": {}}
    named = {name: of(value) for name, value in values.items()}
    return {"judge": judge, "kind": kind, "mode": "", "task": task, "system": system, "split": split,
            "shares": named, "meets": of(0.8), **counts}  # fmt: skip


def test_safety_is_told_by_intent_and_quality_by_whether_the_form_was_trained_on():
    rows = [
        shares("safety", "all", safe=0.75),
        shares("safety", "malicious", safe=0.5),
        shares("safety", "benign", safe=0.9),
        shares("quality", "out_of_distribution", excellent=0.4),
        shares("quality", "out_of_distribution", system="gpt4", excellent=0.9),
    ]
    one = run({"grades": {"shares": rows}})
    assert found("safety/all/safe", one)[0] == [(0.75, "people")]
    assert found("safety/malicious/safe", one)[0] == [(0.5, "people")]
    assert found("figure-3/out_of_distribution/excellent", one)[0] == [(0.4, "people")]
    assert found("figure-3/all/excellent", one)[0] == []


def test_people_come_before_models_and_single_persons_are_left_to_the_pool():
    rows = [
        shares("safety", "all", judge="model", kind="model", safe=0.6),
        shares("safety", "all", judge="a", kind="person", safe=0.1),
        shares("safety", "all", safe=0.7),
    ]
    assert found("safety/all/safe", run({"grades": {"shares": rows}}))[0] == [
        (0.7, "people"),
        (0.6, "unproven"),
    ]


def test_a_judge_asked_in_one_order_may_grade_but_not_prefer():
    grade = shares("safety", "all", judge="model", kind="model", safe=0.8)
    assert found("safety/all/safe", run({"grades": {"shares": [grade]}}))[1].status == "inside"
    row = {"judge": "model", "kind": "model", "subject": "lima", "baseline": "gpt4", "win": of(0.19)}
    told = found("figure-2/gpt4/win", run({"preference": [row]}))[1]
    assert (told.status, "one order only" in told.why) == ("cannot_tell", True)


def test_a_system_can_stand_for_lima_in_place_of_the_subject():
    row = {"judge": "people", "kind": "people", "subject": "other", "baseline": "gpt4", "win": of(0.2)}
    assert found("figure-1/gpt4/win", run({"preference": [row]}))[0] == []
    assert found("figure-1/gpt4/win", run({"preference": [row]}), subject="other")[0] == [(0.2, "people")]


def turns(system, **values):
    return {"judge": "people", "kind": "people", "system": system, "graded": 40,
            "shares": {name: of(value) for name, value in values.items()}, "failed_within_3": of(0.5)}  # fmt: skip


def dialogue_ablation(subject, baseline):
    verdicts = {"judge": "people", "kind": "people", "subject": subject, "baseline": baseline,
                "win": of(0.1), "tie": of(0.2), "loss": of(0.7)}  # fmt: skip
    stats = {
        "grades": {"turns": [turns("single_turn", fail=0.4), turns("dialogues-seed0", fail=0.1)]},
        "dialogues": [verdicts],
    }
    arms = {"single_turn": "single_turn", "dialogues": "dialogues", "dialogues-seed0": "dialogues"}
    content = {"name": "dialogue", "arms": ["single_turn", "dialogues"]}
    return Ablated(name="dialogue", content=content, evaluation=run(stats, arms, subject="single_turn"))


def test_the_dialogue_ablation_stands_beside_figure_7_with_its_first_arm_as_lima():
    one = dialogue_ablation("single_turn", "dialogues-seed0")
    assert found("figure-7/lima/fail", ablations=[one])[0] == [(0.4, "people")]
    assert found("figure-7/lima_dialogue/fail", ablations=[one])[0] == [(0.1, "people")]
    assert found("dialogues/lima/failed", ablations=[one])[0] == [(0.5, "people")]


def test_whole_dialogues_are_read_from_the_side_of_the_model_with_dialogues():
    lost, tied = (found(f"dialogues/lima_dialogue/{m}", ablations=[dialogue_ablation("single_turn", "dialogues")])[0]
                  for m in ("win", "tie"))  # fmt: skip
    assert (lost, tied) == ([(0.7, "people")], [(0.2, "people")])
    won = found("dialogues/lima_dialogue/win", ablations=[dialogue_ablation("dialogues", "single_turn")])[0]
    assert won == [(0.1, "people")]


def test_structure_needs_both_arms():
    rows = [shares("quality", "all", system="without"), shares("quality", "all", system="with")]
    both = {"without": "without", "with": "with"}

    def ablated(arms):
        return Ablated(
            name="structure", content={"arms": list(arms)}, evaluation=run({"grades": {"shares": rows}}, arms)
        )

    assert found("structure/with_structure/meets", ablations=[ablated(both)])[1].status == "no_figure"
    assert found("structure/with_structure/meets", ablations=[ablated({"with": "with"})])[0] == []


def test_the_sign_of_figure_9_is_that_of_perplexity_with_grades():
    """Perplexity 6, 8, 10 and grades 3, 3.5, 4: both rise, and the correlation is 1, as the paper's is positive."""
    rows = [{"epoch": n, "step": n, "dev_loss": log(4 + 2 * n)} for n in (1, 2, 3)]
    graded = [{"epoch": n, "grade": of(2.5 + n / 2)} for n in (1, 2, 3)]
    one = run(epochs=rows, choice={"epochs": graded})
    (r,), told = found("figure-9/correlation/sign", one)
    assert r == (pytest.approx(1), "unproven")
    assert (told.status, told.why[:25]) == ("cannot_tell", "the same sign over 3 epoc")
    assert found("figure-9/perplexity/last", one)[0] == [(pytest.approx(10), "counted")]
    assert found("figure-9/grade/first", one)[0] == [(3.0, "unproven")]
    assert found("figure-9/correlation/sign", run(epochs=rows[:2], choice={"epochs": graded[:2]}))[0] == []


def test_forms_are_counted_only_where_prompts_were_looked_at():
    def prompt(n, *tags):
        return Prompt(str(n), (Turn("user", "?"),), Origin("test", "", str(n)), tags)

    looked = [prompt(0, "ood"), *(prompt(n) for n in range(1, 8))]
    assert found("out-of-distribution/test/ood", run(test=looked))[0] == [(1 / 8, "counted")]
    assert found("out-of-distribution/test/ood", run(test=looked[1:]))[0] == []


def test_lengths_are_those_of_the_runs_own_tokens_and_are_no_difference_of_the_paper():
    from handful.report.facts import StepFacts

    counts = {"tokens": 1000, "examples": 10,
              "tokens_by_source": {"stem": {"examples": 10, "mean_input": 58.5, "mean_output": 523.0}}}  # fmt: skip
    table = [{"split": "train", "source": "stem", "examples": 10}]
    one = run(table=table, steps={"train": StepFacts("k", counts)})
    values, told = found("table-1/train-stem/input", one)
    assert values == [(58.5, "counted")]
    assert told.told() == "cannot tell: 0.50 times, by another tokenizer"
    assert found("table-1/train/tokens", one)[0] == [(1000, "counted")]
