"""Which test prompts have a training prompt of their form near them."""

import math

import msgspec
import pytest

from handful.dataset.neighbours import Index, neighbours, tagged


def of(make_example, train, test, least=0.1):
    examples = [make_example(f"t{n}", text) for n, text in enumerate(train)]
    prompts = [make_example(f"q{n}", text).prompt() for n, text in enumerate(test)]
    return neighbours(examples, prompts, least), prompts


def test_the_nearest_is_the_nearest_of_the_same_form(make_example):
    train = [
        "How do I prune an old apple tree?",
        "Write a poem about an old apple tree.",
        "How do I fold a map?",
    ]
    (found,), _ = of(make_example, train, ["How do I plant an apple tree?"])
    assert (found.form, found.nearest, found.same_form, found.ood) == ("advise", "t0", 2, False)


def test_a_form_that_nobody_trained_on_lies_outside_however_near_its_words_are(make_example):
    (found,), prompts = of(make_example, ["What is an apple tree?"], ["Write a poem: what is an apple tree?"])
    assert (found.form, found.nearest, found.similarity, found.ood) == ("poem", "", 0, True)
    assert tagged(prompts, [found])[0].tags == ("ood",)


def test_the_threshold_parts_them(make_example):
    train, test = ["Why do cats purr?"], ["Why do engines stall?"]
    (near,), _ = of(make_example, train, test, least=0.0)
    assert 0 < near.similarity < 1
    assert not of(make_example, train, test, least=near.similarity)[0][0].ood
    assert of(make_example, train, test, least=near.similarity + 0.001)[0][0].ood


def test_similarity_by_hand():
    """Two texts: "a" is in both, the others in one. Weights 1 + ln(3 / 3) = 1 and 1 + ln(3 / 2)."""
    rare = 1 + math.log(3 / 2)
    index = Index(["a b", "a c c"])
    place, similarity = index.nearest("a b", {0, 1})
    assert (place, similarity) == (0, 1)
    twice = rare * (1 + math.log(2))
    expected = 1 / (math.hypot(1, rare) * math.hypot(1, twice))
    assert index.nearest("a b", {1}) == (1, pytest.approx(expected, abs=5e-5))


def test_the_same_text_is_at_distance_nothing_and_equals_take_the_first():
    index = Index(["why is it so", "why is it so", "other words"])
    assert index.nearest("Why is it so?", {0, 1, 2}) == (0, 1)
    assert index.nearest("nothing shared", {0, 1, 2}) == (None, 0)
    assert Index([]).nearest("why", set()) == (None, 0)


def test_a_prompt_that_comes_with_the_tag_keeps_it_once(make_example):
    prompt = msgspec.structs.replace(make_example("q", "Why do cats purr?").prompt(), tags=("ood",))
    found = neighbours([make_example("t", "Why do cats purr?")], [prompt], 0.1)
    assert (found[0].similarity, found[0].ood) == (1, True)
    assert tagged([prompt], found)[0].tags == ("ood",)
