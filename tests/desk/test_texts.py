"""What the desk says of a text: its facts, the checklist, and what an edit changed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.clean.overlap import TestPrompts
from handful.core.types import Origin, Prompt, Turn
from handful.desk.checklist import checks
from handful.desk.difference import difference, of_turns
from handful.desk.facts import form_of_answer, form_of_prompt, reading, syllables
from handful.desk.neighbours import Neighbours, overlap

GOOD = (
    "Rice sticks to the pot when its starch is not rinsed away, and two habits keep it loose.\n\n"
    + "Rinse the grains in cold water until it runs clear, and let them drain well. " * 10
    + "\n\n- Use a heavy pot\n- Keep the lid on\n\nThen let it rest."
)


def found(answer, question="How can rice be kept from sticking?", nearest=None, test=None):
    turns = (Turn("user", question), Turn("assistant", answer))
    return {check.name: check for check in checks(turns, lambda text: nearest, test)}


def test_a_good_example_holds_everywhere():
    assert [check.name for check in found(GOOD).values() if not check.holds] == []


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (GOOD + " I like it.", "no first person"),
        (GOOD + " As mentioned above, wait.", "no references"),
        ("Rice is rinsed.", "length"),
        ("Rice is rinsed.\n\n" * 300, "length"),
        ("Rice is rinsed and then it is left alone for a while. " * 20, "structure"),
        ("- Rinse the rice\n\n" + GOOD, "takes up the question"),
        ("Patience is what this asks for.\n\n" + GOOD, "takes up the question"),
        (GOOD + "\n\n```\ncode", "closed fences"),
    ],
)
def test_what_is_not_in_the_style_is_told(answer, name):
    assert [check.name for check in found(answer).values() if not check.holds] == [name]


def test_what_is_nearly_in_the_set_is_told():
    assert not found(GOOD, nearest=("other/1", 0.91))["no near duplicate"].holds
    assert found(GOOD, nearest=("other/1", 0.41))["no near duplicate"].holds


def test_what_is_tested_on_must_not_be_written():
    test = TestPrompts(
        [Prompt("t/1", (Turn("user", "How can rice be kept from sticking?"),), Origin("t", "t", "1"))], 13
    )
    check = found(GOOD, test=test)["not of the test set"]
    assert not check.holds
    assert check.must
    assert "t/1" in check.words


def test_turns_of_a_dialogue_may_be_short():
    turns = (
        Turn("user", "Tea?"),
        Turn("assistant", "Tea, gladly."),
        Turn("user", "How?"),
        Turn("assistant", "Hot."),
    )
    assert {check.name: check.holds for check in checks(turns, lambda text: None, None)}["length"]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("How do I boil an egg?", "how"),
        ("So, what is that?", "what"),
        ("It broke. Can I mend it?", "yes or no"),
        ("Isn't it late?", "yes or no"),
        ("In the sea?", "other question"),
        ("Write a poem about rain.", "request"),
        ("word " * 80, "statement"),
    ],
)
def test_the_form_of_a_prompt(text, form):
    assert form_of_prompt(text) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [("One.", "one paragraph"), ("One.\n\nTwo.", "paragraphs"), ("Do:\n- this", "list"), ("# A\n\nb", "headings"),
     ("```\nx\n```", "code")],
)  # fmt: skip
def test_the_form_of_an_answer(text, form):
    assert form_of_answer(text) == form


def test_reading_ease_is_fleschs():
    # 24 words of one syllable in 4 sentences: 206.835 - 1.015 * 6 - 84.6 * 1 = 116.1
    assert reading("The cat sat on the mat. " * 4).ease == 116
    assert reading("The cat sat on the mat. " * 4).words_a_sentence == 6
    assert reading("Too short.").ease is None
    assert [syllables(word) for word in ("cat", "table", "make", "reading", "idea")] == [1, 2, 1, 2, 2]


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_difference_holds_both_texts_whole(before, after):
    pieces = difference(before, after)
    assert "".join(p.text for p in pieces if p.kind != "new") == before
    assert "".join(p.text for p in pieces if p.kind != "gone") == after


def test_a_difference_is_of_words():
    assert difference("keep the pot dry", "keep a pot dry") == [
        ("same", "keep "), ("gone", "the"), ("new", "a"), ("same", " pot dry"),
    ]  # fmt: skip
    assert [p.kind for p in difference("one old thing", "one new matter")] == ["same", "gone", "new"]
    (prompt, answer) = of_turns((Turn("user", "a"),), (Turn("user", "a"), Turn("assistant", "b")))
    assert prompt.pieces == [("same", "a")]
    assert (answer.role, answer.pieces) == ("assistant", [("new", "b")])


def test_similarity_is_the_cosine_of_tf_idf():
    texts = {"a": "red red car", "b": "red bus", "c": "blue bus"}
    index = Neighbours(texts.items())
    df = {"red": 2, "car": 1, "bus": 2, "blue": 1}

    def vector(text):
        words = text.split()
        raw = {w: (1 + math.log(words.count(w))) * math.log(4 / df[w]) for w in set(words)}
        length = math.sqrt(sum(x * x for x in raw.values()))
        return {w: x / length for w, x in raw.items()}

    def cosine(one, two):
        return sum(x * vector(two).get(w, 0) for w, x in vector(one).items())

    near = dict(index.nearest("red bus", 3, lambda id: True))
    assert near == pytest.approx({id: cosine("red bus", text) for id, text in texts.items()})
    assert near["b"] == pytest.approx(1)


def test_overlap_is_the_measure_of_clean():
    text = " ".join(f"w{n}" for n in range(40))
    assert overlap(text, text) == 1
    assert overlap(text, "something else") == 0
