import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.core.types import Comparison, Example, Origin, Turn, Verdict

ORIGIN = Origin("other", "cooking", "q/11/a/12")
ASK, ANSWER = Turn("user", "How?"), Turn("assistant", "Thus.")


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ((), "a: has no turns"),
        ((ANSWER,), "a: turn 0 is by the assistant, not the user"),
        ((ASK, ASK), "a: turn 1 is by the user, not the assistant"),
        ((ASK,), "a: the last turn is by the user, not the assistant"),
    ],
)
def test_an_example_refuses_turns_out_of_order(turns, message):
    with pytest.raises(ValueError, match=message):
        Example("a", turns, ORIGIN)


def test_the_prompt_of_an_example_lacks_its_last_answer_only():
    dialogue = Example("a", (ASK, ANSWER, ASK, ANSWER), ORIGIN, ("kind=dialogue",))
    assert dialogue.prompt().turns == (ASK, ANSWER, ASK)
    assert dialogue.prompt().tags == dialogue.tags


@given(st.text(), st.text())
def test_swapping_twice_changes_nothing(left, right):
    comparison = Comparison("1", "p", (ASK,), left, right)
    assert comparison.swapped().left == right
    assert comparison.swapped().swapped() == comparison


@pytest.mark.parametrize(
    ("choice", "mirrored"), [("left", "right"), ("right", "left"), ("tie", "tie"), (None, None)]
)
def test_a_swapped_verdict_means_the_same(choice, mirrored):
    verdict = Verdict("1", "judge", choice)
    assert verdict.swapped().choice == mirrored
    assert verdict.swapped().order == "swapped"
    assert verdict.swapped().swapped() == verdict
