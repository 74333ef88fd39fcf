import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handful.clean import wording
from handful.clean.prose import own_words
from handful.clean.wording import CLUES, any_of, cross_reference, first_person


@pytest.mark.parametrize(
    "sentence",
    [
        "I think so.",
        "so i think it works",
        "My guess is no.",
        "See for yourself, as for myself, no.",
        "A book of mine. Mine is blue.",
        "A friend of mine knows.",
        "Well (I, too, know) it.",
        "The book I would read first.",
        "In Python I would use a list.",
        "- I know",
        "They (that is, I) knew.",
    ],
)
def test_the_first_person_is_seen(sentence):
    assert first_person(own_words(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "World War I was long.",
        "Type I errors, Table I and Elizabeth I were first.",
        "Phase I is done, and so is Part I of it.",
        "Slow I/O, i.e. the disk, or I.e. the net.",
        "The current $I$ is $P = I^2 R$, where I = U / R.",
        "I. Introduction\nII. Methods",
        "Press Ctrl + Shift + I",
        "Use `my_list` or `I`:\n\n```\nfor i in me: my(i)\n```",
        'He said "I have a dream" to all.',
        "> I have a problem\n\nTry this.",
        "A gold mine; they mine coins; mine shafts.",
        "Save it in My Documents or on about.me today.",
        "the vectors A, B, ..., H, I, J",
        "an I-beam and form I-485",
        "Someone, myth, meme, Miami, I18n.",
        "Yes, I'm sure, and I\u2019ve seen that it was given to me: the authors let those pass.",
    ],
)
def test_what_is_not_the_first_person_stays(sentence):
    assert first_person(own_words(sentence)) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "As mentioned, it works.",
        "as others have mentioned",
        "as already pointed out by others",
        "As Bill said, no.",
        "as @eric mentioned",
        "the other answers are right",
        "see another answer",
        "the accepted answer is wrong",
        "in the answer above",
        "see Joe's answer",
        "Kamil\u2019s excellent answer shows it",
        "ask on Stack Exchange",
        "on stackexchange sites",
        "found on StackOverflow",
        "what the OP wants",
        "the OP's code",
        "off topic on this site",
        "as Ann wrote in the comments",
        "in a comment below",
        "@some_one no, it is not",
        "To whoever downvoted: why?",
    ],
)
def test_references_to_others_are_seen(sentence):
    assert cross_reference(own_words(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "The answer is above zero.",
        "Write to me@example.com or use `@property`.",
        "install @angular/core first",
        "A comment starts with #.",
        "no-op code, and OpenGL ops",
        "Print it: `see the other answer`",
        "The user's answers are saved.",
        "As you said, fees are high.",
        "Other answers to the riddle exist.",
        "As noted in the manual, and as stated above, no.",
        "Feed the op amp, or the OP amp.",
        "A devoted pivot.",
        "stacks exchange items",
    ],
)
def test_what_refers_to_nobody_stays(sentence):
    assert cross_reference(own_words(sentence)) is None


NAMED_BY_THE_PAPER = {"stack ?exchange", wording.MENTIONED[0]}
PHRASES = (*wording.ANSWERS, *wording.COMMENTS, *wording.SITES, *wording.VOTES, *wording.MENTIONED)
OTHERS = {
    "Joe's answer": wording.NAMED,
    "as Joe said": wording.AS_NAMED,
    "the OP": wording.ASKER,
    "@joe": wording.MENTION,
    "of mine": wording.PRONOUNS[4][1],
    "Mine is": wording.PRONOUNS[5][1],
    **{phrase: any_of([phrase]) for phrase in PHRASES if phrase not in NAMED_BY_THE_PAPER},
}


@pytest.fixture(scope="module")
def released_answers(shared_data):
    """What the authors' own filter let through: the first 400 rows are Stack Exchange."""
    lines = (shared_data / "lima" / "derived_train.jsonl").read_text(encoding="utf-8").splitlines()[:400]
    return [json.loads(line)["conversations"][1] for line in lines]


def test_nine_in_ten_of_the_answers_that_the_authors_kept_pass_both_lists(released_answers):
    """The counts of docs/log.md."""
    words = [own_words(answer) for answer in released_answers]
    person = [first_person(text) is not None for text in words]
    reference = [cross_reference(text) is not None for text in words]
    assert (sum(person), sum(reference)) == (11, 19)
    assert sum(not one and not other for one, other in zip(person, reference, strict=True)) == 371


def test_fewer_keep_to_the_lengths_since_theirs_counted_other_characters(released_answers):
    lengths = [len(answer) for answer in released_answers]
    assert sum(length < 1200 for length in lengths) == 45
    assert sum(length > 4096 for length in lengths) == 3


@pytest.mark.parametrize("name", OTHERS)
def test_no_pattern_that_the_paper_does_not_name_takes_over_one_in_a_hundred(released_answers, name):
    assert sum(OTHERS[name].search(own_words(answer)) is not None for answer in released_answers) <= 4


SAID = [
    "the other answer",
    "As Joe said",
    "Joe's answer",
    "the OP",
    "@joe",
    "stack",
    "vote",
    "upvoted",
    "in a comment",
]


@given(st.lists(st.sampled_from([*SAID, "x" * 60, "answer", "as mentioned", "İ", "mention", "\n", "The"])))
def test_looking_around_marks_finds_what_looking_everywhere_finds(said):
    text = " ".join(said)
    everywhere = [hit for clue in CLUES if (hit := clue.pattern.search(text))]
    assert (cross_reference(text) is None) == (not everywhere)


def test_a_hundred_thousand_marks_end_soon():
    assert cross_reference("answer vote mention " * 30_000) is None
    assert first_person("xI my- i " * 100_000) is None
