"""Lengths, reasons to stop, and a judge's taste for length."""

from handful.core.types import Comparison, Response, Turn, Verdict
from handful.stats.bootstrap import Bootstrap
from handful.stats.lengths import length_bias, system_length
from handful.stats.readings import annotator

QUICK = Bootstrap(draws=200)


def test_a_system_ended_its_turn_where_it_gave_an_end_token():
    finishes = ["eot", "eos", "length", "error"]
    responses = [
        Response(f"p{n}", "s", "two words" * (f != "error"), 0, f, 5) for n, f in enumerate(finishes)
    ]
    found = system_length("s", responses, QUICK)
    assert (found.ended.estimate, found.finish["length"].estimate, found.empty) == (0.5, 0.25, 1)
    assert (found.words.estimate, found.characters.estimate) == (2.0, 9.0)  # what failed has no length
    assert (found.tokens.estimate, found.tokens.low) == (5, None)  # all alike: no honest interval


def test_samples_of_one_prompt_are_one_prompt():
    responses = [Response("p", "s", "word", sample, "eot", 1) for sample in range(5)]
    assert system_length("s", responses, QUICK).ended.n == 1


def test_a_system_that_answered_nothing_has_no_figures():
    found = system_length("s", [], QUICK)
    assert (found.responses, found.words.estimate, found.finish) == (0, None, {})


def test_the_longer_is_counted_where_a_side_was_chosen_and_lengths_differ():
    said = [("long", "no", "left"), ("no", "long", "left"), ("same", "same", "left"), ("long", "no", "tie")]
    shown = {
        f"c{n}": Comparison(f"c{n}", f"p{n}", (Turn("user", "?"),), left, right)
        for n, (left, right, _) in enumerate(said)
    }
    verdicts = [Verdict(f"c{n}", "j", choice) for n, (_, _, choice) in enumerate(said)]
    found = length_bias(annotator("j", "model", verdicts, list(shown)), shown, QUICK)
    assert (found.longer_chosen.estimate, found.longer_chosen.n) == (0.5, 2)
