"""What the section on training counts."""

from handful.report.curation import lost_tails, training_table
from handful.report.facts import Facts, StepFacts


def trained(recipe, **counts):
    return Facts(recipe=recipe, steps={"train": StepFacts("k", {"examples": 22, "truncated": 33} | counts)})


def test_dev_examples_that_lost_their_tail_are_not_counted_among_those_trained_on(recipe):
    facts = trained(recipe, truncated_train=21, truncated_dev=12)
    assert training_table(facts).rows == [
        ["Examples", 22],
        ["Examples that lost their tail", 21],
        ["Dev examples that lost their tail", 12],
    ]
    assert lost_tails(facts) == [
        "Training examples that lost their tail: 21.",
        "Dev examples that lost their tail: 12.",
    ]
    assert lost_tails(trained(recipe, truncated_train=2, truncated_dev=0)) == [
        "Training examples that lost their tail: 2."
    ]


def test_a_training_that_did_not_count_them_apart_is_said_to_count_both(recipe):
    words = "Examples of train and dev that lost their tail or were left out"
    assert training_table(trained(recipe)).rows == [["Examples", 22], [words, 33]]
    assert lost_tails(trained(recipe)) == [f"{words}: 33."]
