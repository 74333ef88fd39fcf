import pytest

from handful.clean.overlap import TestPrompts, runs
from handful.core.types import Prompt, Turn

LONG = "please write a short story in which an old lighthouse keeper teaches a young gull how to read maps"
SHORT = "name three ways to dry wet boots overnight"


@pytest.fixture
def index(make_prompt):
    prompts = [
        make_prompt("t/1", LONG),
        make_prompt("t/2", SHORT),
        make_prompt("t/3", "Why is ice slippery?"),
    ]
    return TestPrompts(prompts, 13)


def test_runs_of_a_short_text_are_all_of_it_from_eight_words_on():
    assert len(runs([b"w"] * 20, 13)) == 8
    assert runs([b"w"] * 12, 13) == [(b"w",) * 12]
    assert runs([b"w"] * 7, 13) == []


def test_thirteen_words_of_a_test_prompt_in_an_answer_are_seen_and_named(index, make_candidate):
    inside = " ".join(LONG.split()[3:16])
    answer = f"Once upon a time: {inside.title()}! The end."
    seen = index.shared(make_candidate(answer=answer))
    assert seen == f'shares "{inside}" with t/1 of the test set'


def test_twelve_are_not(index, make_candidate):
    twelve = " ".join(LONG.split()[3:15])
    assert index.shared(make_candidate(answer=f"Once {twelve} upon a time.", body=twelve)) is None


def test_a_run_does_not_go_on_from_the_prompt_into_the_answer(index, make_candidate):
    said = LONG.split()
    assert index.shared(make_candidate(body=" ".join(said[:10]), answer=" ".join(said[10:]))) is None


def test_a_short_test_prompt_counts_where_all_of_it_stands(index, make_candidate, make_example):
    assert "with t/2 of" in index.shared(make_example(asked=f"Well then, {SHORT.upper()}, please."))
    assert index.shared(make_candidate(answer=SHORT.removesuffix(" overnight"))) is None


@pytest.mark.parametrize("place", ["title", "body"])
def test_one_shorter_still_counts_as_the_whole_prompt(index, make_candidate, place):
    assert (
        index.shared(make_candidate(**{place: "why is ice  slippery"}))
        == "same prompt as t/3 of the test set"
    )
    assert index.shared(make_candidate(answer="Why is ice slippery? Because.")) is None


def test_an_examples_later_turns_are_searched_too(index, make_example):
    example = make_example()
    turns = (*example.turns, Turn("user", LONG), Turn("assistant", "ok"))
    changed = type(example)(example.id, turns, example.origin)
    assert "with t/1 of" in index.shared(changed)


def test_a_test_dialogues_later_turns_are_in_the_index(make_prompt, make_candidate):
    first = make_prompt()
    prompt = Prompt("t/9", (first.turns[0], Turn("assistant", "x"), Turn("user", LONG)), first.origin)
    assert "with t/9 of" in TestPrompts([prompt], 13).shared(make_candidate(answer=LONG))


def test_without_test_prompts_nothing_is_shared(make_candidate):
    assert TestPrompts([], 13).shared(make_candidate()) is None


def test_one_of_limas_examples_is_in_limas_test_set(shared_data, make_prompt, make_example):
    """A fact about the release, and no other of its thousand is called so."""
    import json

    def rows(name):
        return [json.loads(line) for line in (shared_data / "lima" / name).read_text("utf-8").splitlines()]

    index = TestPrompts(
        [make_prompt(f"t/{n}", row["conversations"]) for n, row in enumerate(rows("lima_test_set.jsonl"))], 13
    )
    seen = {
        n: index.shared(make_example(str(n), *row["conversations"][:2]))
        for n, row in enumerate(rows("derived_train.jsonl")[:1000])
    }
    assert {n: words for n, words in seen.items() if words} == {547: "same prompt as t/83 of the test set"}
