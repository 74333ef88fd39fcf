import random
from array import array

import pytest

from handful.clean.duplicates import agreeing, columns_of, duplicates, rank
from handful.core.types import Example
from handful.recipe.curation import Clean

WORDS = [f"word{n}" for n in range(120)]
TEXT = " ".join(WORDS)
NEARLY = " ".join([*WORDS[:60], "another", *WORDS[61:]])  # 116 shingles each, five differ: 111 / 121 = 0.92
HALF = " ".join([*WORDS[:60], *WORDS[80:], *(f"new{n}" for n in range(20))])


def found(*texts, **settings):
    """Id -> (rule, detail) of what goes."""
    params = Clean(**settings)
    columns = [array("Q", column) for column in columns_of(texts, params).T.tolist()]
    ranks = array("d", map(rank, texts))
    lines = duplicates(agreeing(columns), ranks, lambda position: texts[position], params)
    return {line.id: (line.rule, line.detail) for _, line in lines}


def test_the_better_answer_stays(make_candidate):
    one = make_candidate(id="a", title="How?", body="x", answer_score=11)
    two = make_candidate(id="b", title="HOW", body="y", answer_score=12)
    assert found(one, two) == {"a": ("duplicate", "same prompt as b")}


def test_of_equals_the_first_stays(make_candidate):
    one, two = (make_candidate(id=id) for id in "ab")
    assert found(one, two) == {"b": ("duplicate", "same prompt as a")}


def test_a_body_can_repeat_a_title(make_candidate):
    one = make_candidate(id="a", title="Why is the sky blue?", body="x")
    two = make_candidate(id="b", title="Sky", body="why is the sky blue")
    assert found(one, two) == {"b": ("duplicate", "same prompt as a")}


def test_a_title_and_its_own_body_may_be_the_same(make_candidate):
    assert found(make_candidate(title="Why?", body="why")) == {}


def test_empty_bodies_are_not_alike(make_candidate):
    one = make_candidate(id="a", title="one", body="")
    two = make_candidate(id="b", title="two", body="")
    assert found(one, two) == {}


def test_a_ready_made_example_stays_before_any_candidate(make_candidate, make_example):
    candidate = make_candidate(id="c", title="How deep is the sea", answer_score=999)
    gone = found(candidate, make_example(id="e"), make_example(id="f"))
    assert {id: detail for id, (_, detail) in gone.items()} == {
        "c": "same prompt as e",
        "f": "same prompt as e",
    }


def test_a_draft_goes_before_the_candidate_it_repeats(make_candidate, make_example):
    candidate = make_candidate(title="Why?")
    example = make_example("dialogues/1", asked="Why?")
    draft = Example(example.id, example.turns, example.origin, ("kind=dialogue", "needs=editing"), score=99)
    assert found(draft, candidate).keys() == {draft.id}
    assert found(example, candidate).keys() == {candidate.id}


def test_of_examples_one_without_votes_stays_then_the_one_with_most(make_example):
    plain = make_example(id="plain")
    voted = [Example(str(score), plain.turns, plain.origin, score=score) for score in (5, 7)]
    assert found(*voted, plain).keys() == {"5", "7"}
    assert found(*voted).keys() == {"5"}


@pytest.mark.parametrize("field", ["body", "answer"])
def test_nearly_the_same_prompt_or_answer_goes_and_the_similarity_is_told(make_candidate, field):
    one = make_candidate(**{"id": "a", "title": "one", "body": "x", field: TEXT})
    two = make_candidate(**{"id": "b", "title": "two", "body": "y", field: NEARLY})
    side = {"body": "prompt", "answer": "answer"}[field]
    seen = found(one, two)["b"]
    # In the prompt, the title makes one shingle more of each: 111 / 123.
    assert seen == ("near_duplicate", f"{side} {0.90 if field == 'body' else 0.92:.2f} similar to that of a")


def test_below_the_similarity_asked_for_both_stay(make_candidate):
    texts = [
        make_candidate(id=id, title=id, body="", answer=answer)
        for id, answer in (("a", TEXT), ("b", NEARLY), ("c", HALF))
    ]
    assert found(*texts).keys() == {"b"}
    assert found(*texts, near_duplicate_similarity=0.95) == {}
    assert found(*texts, near_duplicate_similarity=0.5).keys() == {"b", "c"}
    assert found(*texts, drop_near_duplicates=False) == {}


def test_what_stays_depends_on_scores_and_not_on_the_order(make_candidate):
    rng = random.Random(0)
    texts = []
    for number in range(60):
        words = list(WORDS)
        for place in rng.sample(range(120), number % 4):
            words[place] = f"other{rng.randrange(9)}"
        texts.append(
            make_candidate(
                id=f"q{number}", title=f"t{number}", body="", answer=" ".join(words), answer_score=number
            )
        )
    gone = found(*texts)
    assert len(gone) > 30
    assert "q59" not in gone
    for _ in range(3):
        rng.shuffle(texts)
        assert found(*texts) == gone


def test_what_is_close_to_something_dropped_only_stays(make_candidate):
    """a ~ b and b ~ c, but not a ~ c: b goes for a, and c has then nothing that is like it."""
    middle = " ".join([*WORDS[:110], *(f"x{n}" for n in range(10))])
    last = " ".join([*(f"y{n}" for n in range(10)), *WORDS[10:110], *(f"x{n}" for n in range(10))])
    texts = [
        make_candidate(id=id, title=id, body="", answer=answer, answer_score=score)
        for id, answer, score in (("a", TEXT, 30), ("b", middle, 20), ("c", last, 10))
    ]
    assert found(*texts).keys() == {"b"}


def test_short_answers_are_not_near_duplicates(make_example):
    one, two = (
        make_example(id="a", asked="Capital of France?", answered="It is Paris."),
        make_example(id="b", asked="Where is the Louvre?", answered="It is Paris."),
    )
    assert found(one, two) == {}
