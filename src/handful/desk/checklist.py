"""The style of the paper's own examples (Section 2.2) as a list: what a machine can check, and what a person ticks.

The authors set "a uniform tone appropriate for a helpful AI assistant", and found that many prompts are best answered
with "some acknowledgment of the question followed by the answer itself". Marks and limits here are ours. A check that
fails is a hint, but for those that must hold: nothing may be trained on that is tested on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handful.clean.overlap import TestPrompts
from handful.clean.prose import own_words, prose
from handful.clean.wording import cross_reference, first_person
from handful.clean.words import words
from handful.core.types import Example, Origin, Turn
from handful.desk.facts import HEADING, LIST, SENTENCE_END

MEAN_TOKENS = 334
"""Of the answers that the paper's authors wrote: Table 1."""
WORDS_A_TOKEN = 0.75
"""Of English text, roughly."""
LEAST_WORDS, MOST_WORDS = (round(MEAN_TOKENS * WORDS_A_TOKEN * factor) for factor in (0.5, 2))
LONG_WITHOUT_STRUCTURE = 150
"""Words from which on an answer of one block is hard to read."""
TOO_ALIKE = 0.8
COMMON = frozenset(
    words(
        "a an and are as at be but by can do does for from how i if in is it its me my not of on or should so than "
        "that the their them then there these they this to was we what when where which who why will with would you "
        "your"
    )
)

TICKS = {
    "acknowledges": "The answer first takes up the question, and then answers it.",
    "tone": "The tone is that of the other examples: helpful, calm, addressed to the reader.",
    "right": "What it says is right, as far as can be checked.",
    "own": "It is the author's own work, and may be given under the licence below.",
}
"""What no machine can see, and the author vouches for."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    holds: bool
    words: str
    must: bool = False
    """Whether nothing is saved while it fails."""


def checks(
    turns: Sequence[Turn], nearest: Callable[[str], tuple[str, float] | None], test: TestPrompts | None
) -> list[Check]:
    """What can be seen of a dialogue by its text.

    Args:
        turns: at least one of each side.
        nearest: text -> the id and the similarity of what is most like it in the set.
    """
    answers = [turn.text for turn in turns if turn.role == "assistant"]
    answered = "\n\n".join(answers)
    own = "\n\n".join(own_words(answer) for answer in answers)
    found = [
        takes_up(turns[0].text, answers[0]),
        absent("no first person", first_person(own), 'The answer says "{}"; it should not speak of itself.'),
        absent(
            "no references", cross_reference(own), 'The answer says "{}", which points to something else.'
        ),
        length(answers),
        structure(answered),
        Check(
            "closed fences",
            answered.count("```") % 2 == 0,
            "Every code block that is opened is closed.",
            must=True,
        ),
    ]
    if alike := nearest("\n\n".join(turn.text for turn in turns)):
        id, share = alike
        found.append(
            Check(
                "no near duplicate",
                share < TOO_ALIKE,
                f"Most like it in the set: {id}, similarity {share:.2f}.",
            )
        )
    if test is not None:
        shared = test.shared(Example("new", tuple(turns), Origin("", "", "")))
        told = (
            f"{shared[0].upper()}{shared[1:]}."
            if shared
            else "It shares no long run of words with a test prompt."
        )
        found.append(Check("not of the test set", shared is None, told, must=True))
    return found


def absent(name: str, seen: str | None, told: str) -> Check:
    return Check(name, seen is None, told.format(seen) if seen else "None is there.")


def takes_up(question: str, answer: str) -> Check:
    """Whether the answer opens with a sentence that speaks of the question. Whether it does so well, a person ticks."""
    name = "takes up the question"
    opening = answer.lstrip()
    if opening.startswith("```") or HEADING.match(opening) or LIST.match(opening):
        return Check(name, False, "The answer begins with a list, a heading or code; begin with a sentence.")
    first = SENTENCE_END.split(prose(opening), maxsplit=1)[0]
    shared = [word for word in dict.fromkeys(words(first)) if word in set(words(question)) - COMMON]
    if shared:
        said = ", ".join(word.decode() for word in shared[:4])
        return Check(name, True, f"The first sentence speaks of it: {said}.")
    return Check(name, False, "The first sentence has no word of the question; take the question up first.")


def length(answers: Sequence[str]) -> Check:
    counts = [len(answer.split()) for answer in answers]
    mean = round(sum(counts) / len(counts))
    each = " a turn" if len(counts) > 1 else ""
    told = (
        f"{mean:,} words{each}; the mean of Table 1 is {MEAN_TOKENS} tokens, "
        f"some {round(MEAN_TOKENS * WORDS_A_TOKEN)} words: "
        f"{LEAST_WORDS} to {MOST_WORDS} is near it."
    )
    least = LEAST_WORDS if len(counts) == 1 else 1  # turns of a dialogue are short by nature
    return Check("length", least <= mean <= MOST_WORDS, told)


def structure(answer: str) -> Check:
    parts = len(re.split(r"\n\s*\n", answer.strip()))
    listed = len(LIST.findall(answer))
    long = len(answer.split()) > LONG_WITHOUT_STRUCTURE
    told = f"{parts} paragraph{'s' if parts != 1 else ''}, {listed} list item{'s' if listed != 1 else ''}."
    return Check(
        "structure", parts > 1 or listed > 0 or not long, told + (" Split it." if long and parts == 1 else "")
    )
