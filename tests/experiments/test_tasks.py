"""Other tasks than helpfulness, by arm: what was said of every seed's answers counts for the arm."""

import pytest

from handful.core.types import Comparison, Grade, Seal, Signature, Turn, Verdict
from handful.experiments.outcome import pooled
from handful.experiments.tasks import blocks_of, tasks_of
from handful.report.page import Figure, Table
from handful.stats.bootstrap import Bootstrap
from handful.stats.facts import Study

ARMS = {
    "zero-seed0": "zero",
    "zero-seed1": "zero",
    "dialogue-seed0": "dialogue",
    "dialogue-seed1": "dialogue",
}
TURNS = {"zero": ["fail", "pass", "fail"], "dialogue": ["excellent", "excellent", "pass"]}
"""Of each arm's every dialogue, turn by turn."""


@pytest.fixture
def study():
    signatures, graded = {}, []
    for system, arm in ARMS.items():
        for prompt in range(10):
            for turn, grade in enumerate(TURNS[arm]):
                id = f"{system}/{prompt}/{turn}"
                signatures[id] = Signature(id, f"p{prompt}", system, 0, "turns", turn)
                graded.append(Grade(id, "judge", grade))
    comparisons, seals, said = {}, {}, []
    for rival in list(ARMS)[1:]:
        for prompt in range(10):
            id = f"{rival}/{prompt}"
            comparisons[id] = Comparison(id, f"p{prompt}", (Turn("user", "Go on."),), "x", "y", "dialogues")
            seals[id] = Seal(id, f"p{prompt}", "zero-seed0", rival, 0, "dialogues")
            said += [
                Verdict(id, "judge", "right" if prompt < 7 else "tie", order)
                for order in ("forward", "swapped")
            ]
    return Study(
        comparisons=comparisons,
        seals=seals,
        named=[("zero-seed0", rival) for rival in list(ARMS)[1:]],
        judges={"judge": said},
        modes={"judge": "robust"},
        signatures=signatures,
        grades={"judge": graded},
    )


def test_figure_7_counts_the_turns_of_all_of_an_arms_trainings(study):
    zero, dialogue = tasks_of(pooled(study, ARMS), Bootstrap(draws=200)).turns
    assert (zero.system, zero.dialogues, zero.responses) == ("zero", 20, 60)
    assert zero.counts == {"fail": 40, "pass": 20, "excellent": 0}
    assert dialogue.shares["excellent"].estimate == pytest.approx(2 / 3)
    assert dialogue.shares["excellent"].n == 10  # dialogues' prompts, not turns
    assert (zero.failed_within_3.estimate, dialogue.failed_within_3.estimate) == (1, 0)


def test_whole_dialogues_are_compared_arm_with_arm(study):
    (row,) = tasks_of(pooled(study, ARMS), Bootstrap(draws=200)).dialogues
    assert (row.subject, row.baseline, row.comparisons) == ("zero", "dialogue", 20)
    assert (row.wins, row.ties, row.losses) == (0, 6, 14)


def test_the_page_has_a_figure_and_a_table_of_each(study):
    blocks = blocks_of(tasks_of(pooled(study, ARMS), Bootstrap(draws=200)))
    figures = [block for block in blocks if isinstance(block, Figure)]
    assert [figure.name for figure in figures] == ["figure-7-judge"]
    assert "<svg" in figures[0].svg
    assert [block.caption for block in blocks if isinstance(block, Table)] == [
        "Turns of dialogues by judge",
        "Whole dialogues: zero (its first training) by judge",
    ]
