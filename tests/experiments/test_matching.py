"""Which figures of ours a claim finds, from rows as stats.json has them."""

from math import log

import pytest

from handful.core.types import Interval, Origin, Prompt, Turn
from handful.experiments import claims
from handful.experiments.comparing import compare
from handful.experiments.evidence import Ablated, Evidence, Run
from handful.experiments.matching import Beside, find
from handful.experiments.setup import setup
from handful.experiments.standing import failures
from handful.recipe.judging import Judge, LocalJudge
from handful.recipe.schema import Recipe
from handful.report.facts import Facts
from handful.report.page import MINUS

PUBLISHED = claims.read()
RECIPE = Recipe(
    name="made up", sources={}, judge=Judge(judges={"model": LocalJudge(kind="local", mode="lima")})
)
TRUST = [{"judge": "model", "grade": "unproven"}]


def of(estimate, n=20, unit="prompts"):
    return Interval(estimate, estimate - 0.1, estimate + 0.1, n, unit)


CONTROL = Interval(1.0, 0.5, 1.5, 20)
"""Of a judge that grades answers to their own prompts higher than to others."""


def run(stats=None, arms=None, subject="lima", name="made up", params=None, **facts):
    stats = {"trust": TRUST, **stats} if stats else {}
    made = Facts(recipe=RECIPE, stats=stats, **facts)
    return Run(name=name, facts=made, params=params or {}, subject=subject, arms=arms or {})


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
    one = run(epochs=rows, choice={"epochs": graded, "control": CONTROL})
    (r,), told = found("figure-9/correlation/sign", one)
    assert r == (pytest.approx(1), "unproven")
    assert (told.status, told.why[:25]) == ("cannot_tell", "the same sign over 3 epoc")
    assert found("figure-9/perplexity/last", one)[0] == [(pytest.approx(10), "counted")]
    assert found("figure-9/grade/first", one)[0] == [(3.0, "unproven")]
    assert found("figure-9/correlation/sign", run(epochs=rows[:2], choice={"epochs": graded[:2]}))[0] == []


def chosen(control, n=20, **params):
    rows = [{"epoch": k, "step": k, "dev_loss": log(4 + 2 * k)} for k in (1, 2, 3)]
    graded = [{"epoch": k, "grade": of(2.5 + k / 2, n)} for k in (1, 2, 3)]
    entry = {"kind": "local", "model": "small", "mode": "robust"}
    return run(epochs=rows, choice={"epochs": graded, "control": control},
               params={"choose": {"judge": entry}} | params)  # fmt: skip


@pytest.mark.parametrize(
    ("control", "why"),
    [(Interval(0.06, -0.13, 0.27, 12), "do not tell answers to their own prompts"), (None, "no control")],
)
def test_epochs_whose_judge_failed_its_control_tell_nothing(control, why):
    assert found("figure-9/grade/first", chosen(CONTROL))[1].status == "differs"
    for claim in ("grade/first", "grade/last", "correlation/sign"):
        told = found(f"figure-9/{claim}", chosen(control))[1]
        assert (told.status, why in told.why) == ("cannot_tell", True)


def test_epochs_of_few_graded_prompts_tell_nothing():
    few = chosen(CONTROL, n=9)
    assert found("figure-9/grade/first", few)[1].told() == "cannot tell: n = 9, and 10 are the fewest"
    assert "grades are of 9 prompts" in found("figure-9/correlation/sign", few)[1].why


def test_a_difference_of_grades_has_the_decimals_of_the_grades():
    """The paper's 3.9 at the beginning, and ours of 3.0: not "-1"."""
    told = found("figure-9/grade/first", chosen(CONTROL))[1]
    assert told.told() == f"differs: {MINUS}0.90"


def test_who_gives_everything_one_grade_stands_beside_nothing():
    def graded(system, **counts):
        row = shares("safety", "all", judge="model", kind="model", system=system, safe=0.8)
        return row | {"graded": sum(counts.values()), "counts": counts}

    flat = [graded("lima", safe=19, unsafe=1), graded("base", safe=18, unsafe=1)]
    told = found("safety/all/safe", run({"grades": {"shares": flat}}))[1]
    assert (told.status, "one grade more than nine times in ten" in told.why) == ("cannot_tell", True)
    apart = [graded("lima", safe=19, unsafe=1), graded("base", safe=5, unsafe=15)]
    assert found("safety/all/safe", run({"grades": {"shares": apart}}))[1].status == "inside"
    people = [{**row, "judge": "people", "kind": "people"} for row in flat]
    assert found("safety/all/safe", run({"grades": {"shares": people}}))[1].status == "inside"


def asked(model):
    return {"judge/model": {"judges": {"model": {"kind": "local", "model": model, "mode": "lima"}}}}


def test_a_model_that_failed_in_one_run_is_not_believed_in_another():
    grade = shares("safety", "all", judge="model", kind="model", safe=0.8)
    here = run({"grades": {"shares": [grade]}}, params=asked("small"))
    failed = [{"judge": "model", "grade": "no"}]
    same, other = (run({"trust": failed}, name="elsewhere", params=asked(name)) for name in ("small", "big"))
    values, told = found("safety/all/safe", here, same)
    assert values == [(0.8, "no")]
    assert told.told() == "cannot tell: model is the model that failed its tests in elsewhere"
    values, told = found("safety/all/safe", here, other)
    assert (values, told.status) == ([(0.8, "unproven")], "inside")
    judges = {what: ours for what, _, ours in setup(here, failures([here, same]))}["Model judges"]
    assert "not to be trusted: model is the model that failed its tests in elsewhere" in judges


def test_a_failure_is_carried_to_the_judge_of_epochs_and_no_lack_of_proof_to_anybody():
    entry = {"judge/model": {"judges": {"model": {"kind": "local", "model": "small"}}}}
    failed, unproven = (
        run({"trust": [{"judge": "model", "grade": grade}]}, name="elsewhere", params=entry)
        for grade in ("no", "unproven")
    )
    values, told = found("figure-9/grade/first", chosen(CONTROL), failed)
    assert values == [(3.0, "no")]
    assert told.told() == "cannot tell: small failed its tests in elsewhere"
    assert found("figure-9/grade/first", chosen(CONTROL), unproven)[0] == [(3.0, "unproven")]


def test_a_rule_stands_for_nothing():
    def answered_by(kind):
        params = {f"generate/{name}": {"systems": {name: {"kind": k}}}
                  for name, k in (("lima", "base"), ("gpt4", kind))}  # fmt: skip
        row = {"judge": "people", "kind": "people", "subject": "lima", "baseline": "gpt4", "win": of(0.19)}
        graded = [shares("quality", "all", system="gpt4", excellent=0.5)]
        return run({"preference": [row], "grades": {"shares": graded}}, params=params)

    assert found("figure-1/gpt4/win", answered_by("api"))[0] == [(0.19, "people")]
    assert found("figure-1/gpt4/win", answered_by("fake"))[0] == []
    assert found("figure-3/all/excellent", answered_by("api"), subject="gpt4")[0] == [(0.5, "people")]
    assert found("figure-3/all/excellent", answered_by("fake"), subject="gpt4")[0] == []


def test_a_rule_that_is_the_subject_is_said_to_stand_for_nothing():
    params = {"generate/echo": {"systems": {"echo": {"kind": "fake"}}}}
    told = {what: ours for what, _, ours in setup(run(subject="echo", params=params), {})}
    assert told["Stands for LIMA"] == "nothing: echo is a rule, no model"


def by_size(*arms, counts, difference):
    grades = [{"judge": "model", "arm": arm, "counts": counts, "mean": of(3.8)} for arm in arms]
    between = {"judge": "model", "arm": arms[-1], "first": arms[0], "difference": difference}
    content = {"arms": list(arms), "grades": grades, "differences": [between]}
    return Ablated(name="size", content=content, evaluation=run({"level": 0.95}))


SPREAD = {"3": 10, "4": 10}
FLAT = "model gave one grade more than nine times in ten: it can hardly tell answers apart"


@pytest.mark.parametrize(
    ("arms", "counts", "why"),
    [
        (("se-2k", "se-32k"), SPREAD, ""),
        (("n100", "n1600"), SPREAD, ""),
        (("se-15", "se-30"), SPREAD, "ours are 2 times as many (15 to 30), the paper's 16"),
        (("se-2k", "se-32k"), {"1": 20}, FLAT),
    ],
)  # fmt: skip
def test_the_plateau_is_one_over_sixteen_times_as_many_by_a_judge_that_tells_answers_apart(arms, counts, why):
    one = by_size(*arms, counts=counts, difference=Interval(0.0, -1.5, 1.5, 20))
    told = found("figure-6/span/flat", ablations=[one])[1]
    assert (told.status, told.why) == ("cannot_tell" if why else "inside", why)


def test_the_level_of_intervals_is_found_where_only_an_ablation_graded():
    graded = {"level": 0.95, "grades": {"helpfulness": [{"graded": 20}]}}
    one = Ablated(name="size", content={"arms": []}, evaluation=run(graded, name="ablation size"))
    assert found("grades/helpfulness/level", ablations=[one])[1].status == "same"


def test_new_forms_are_compared_where_people_told_them_beside_as_many_examples():
    prompts = [Prompt(str(n), (Turn("user", "?"),), Origin("test", "", str(n)), ("ood",) if n < 10 else ())
               for n in range(20)]  # fmt: skip

    def told(examples, measured=False):
        table = [{"split": "train", "source": "stem", "examples": examples}]
        one = run(test=prompts, table=table, params={"dataset": {"out_of_distribution": measured}})
        return found("out-of-distribution/test/ood", one)[1].told()

    assert told(1000) == "differs: +36 points"
    assert told(500).startswith("differs")
    assert told(499) == "cannot tell: beside 499 training examples, not 1,000, more forms are new"
    assert told(1000, True).startswith("cannot tell: told by our measure (dataset.out_of_distribution)")


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
