"""Words that tell the first person and references to others: the two word lists of Section 2.1, which are ours.

The paper names "I" and "my", "as mentioned" and "stack exchange". The rest was judged on the 400 Stack Exchange answers
that LIMA released, which had passed the authors' own filter: a pattern that the paper does not name may take at most 1%
of them. So "I'm", "I've", "I'd", "I'll" and "me" are no first person here: they take 6% and 1% of those answers, about
as many as of all answers without an "I" or "my" (docs/log.md has the counts; tests hold the lists to them).

A regular expression that must look at every character costs more than the HTML parser, so each pattern stands beside
the literal words that it cannot do without, and looks around those only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# "I" is a numeral after these, as in "World War I" and "Elizabeth I". With a capital, but for the last line: "the book
# I would read" is first person.
NUMERAL_AFTER = (
    "Part|Level|Volume|Vol|Book|Act|Chapter|Section|Article|Title|Figure|Table|Grade|Category|Schedule|"
    "Division|Appendix|"
    "Mark|Case|Group|Theorem|Lemma|Factor|Period|Dynasty|WW|"
    "Alexander|Catherine|Charles|Christian|Constantine|Edward|Elizabeth|Ferdinand|Francis|Frederick|"
    "George|Gustav|"
    "Henry|James|John|Joseph|Justinian|Leopold|Louis|Mary|Maximilian|Mehmed|Napoleon|Nicholas|Otto|Paul|"
    "Peter|Philip|"
    "Pius|Ptolemy|Rameses|Ramesses|Richard|Seti|Theodosius|Umberto|Victoria|Wilhelm|William|Xerxes|"
    "[Ww]ar|[Tt]ype|[Pp]hase|[Cc]lass|[Ss]tage"
)
NUMERAL = re.compile(rf"\b(?:{NUMERAL_AFTER})\.? I\Z")
LONGEST_BEFORE = 16
"""Characters that NUMERAL looks at: the longest of its words and some."""

APART = r"(?<![\w$%+=*/\\^.&~-]{0})(?<![+=<>*/&|^] {0})(?<!\b[A-Z], {0})"
"""What may not stand before a pronoun, here as "{0}": "$I", "P = I", "A, B, I"."""


def pronoun(word: str, rest: str) -> tuple[str, re.Pattern[str]]:
    """A literal word, and its pattern: the word first, so that a search can leap to it, then what must stand around."""
    return word, re.compile(word + APART.format(word) + rest)


@dataclass(frozen=True, slots=True)
class Clue:
    """A pattern, and literal words of which a text must have one for the pattern to fit, in lower case."""

    marks: tuple[str, ...]
    pattern: re.Pattern[str]


PRONOUNS = (
    # "I think", "I, too", "(or at least I)"; not "Table I" at the end, "P = I^2", "I/O", "I.e.", "I-beam"
    pronoun("I", r'(?=\s+[a-z(*_"“]|,?\ [a-z]|\))'),
    pronoun(
        "i ",
        r"(?=am\b|was\b|have\b|had\b|think\b|would\b|do\b|don['\u2019]?t\b|can\b|use\b|know\b|believe\b|guess\b)",
    ),
    pronoun("my", r"(?:self\b|(?![\w-]|\ (?:Documents|Computer|Pictures|Music|Network)\b))"),
    pronoun("My", r"(?:self\b|(?![\w-]|\ (?:Documents|Computer|Pictures|Music|Network)\b))"),
    ("mine", re.compile(r"mine(?:(?<=\bof mine)|(?<=\bthan mine)|(?<=\blike mine))\b")),
    pronoun("Mine", r"(?= (?:is|was|are|were|has|had)\b)"),
)

ANSWERS = (
    r"(?:the other|another) answers?",
    r"other answers(?! to )",
    r"(?:accepted|top|above|previous|existing|top-voted|highest-voted|upvoted) answers?",
    r"answers? (?:above|below)",
    r"(?:this|my|his|her|their|your) answer(?: (?:here|above|below|to (?:the|a|this|that) (?:question|post)))",
)
COMMENTS = (
    r"in (?:a|the|his|her|your|my|their) comments?(?: (?:above|below|section))?",
    r"(?:['\u2019]s|your|his|her) comment",
)
SITES = (
    r"stack ?exchange",
    r"stack ?overflow",
    r"(?:on|of|for|from) this site",
)
VOTES = (r"(?:down|up)-?vot(?:e|es|ed|er|ers|ing)",)
MENTIONED = (
    r"as (?:(?:already|previously|was|has|have|been|I|others?|people|many|some) )*"
    r"(?:mentioned|pointed out)(?: (?:above|before|by|in|previously|earlier|already))?",
    r"(?:has|have) (?:already )?been (?:mentioned|pointed out) (?:above|by|in)",
)


def any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w@/.-])(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)


NAMED = re.compile(r"\b[A-Z@]\w+['\u2019]s? (?:excellent |great |good |nice |fine |own )?answer\b")
AS_NAMED = re.compile(
    r"\b[Aa]s (?:@?[A-Z][\w.-]+|they|he|she)(?: [A-Z]\w+)? (?:said|pointed out|mentions?|mentioned)\b"
)
ASKER = re.compile(r"(?<![\w@/.-])[Tt]he OP(?:['\u2019]s)?(?![\w-]| amp)")
MENTION = re.compile(r"(?:^|(?<=[\s(,:]))@[A-Za-z][\w-]{2,}(?![\w.]*[@(/])")
"""An "@name", as in comments. Not an address, and not a package's or a decorator's name with a path or brackets."""

CLUES = (
    Clue(("answer",), any_of(ANSWERS)),
    Clue(("answer",), NAMED),
    Clue(("comment",), any_of(COMMENTS)),
    Clue(("stack", "this site"), any_of(SITES)),
    Clue(("the op",), ASKER),
    Clue(("vot",), any_of(VOTES)),
    Clue(("mention", "pointed out"), any_of(MENTIONED)),
    Clue(("mention", "pointed out", " said"), AS_NAMED),
    Clue(("@",), MENTION),
)
MARKS = tuple(dict.fromkeys(mark for clue in CLUES for mark in clue.marks))
BEFORE, AFTER = 90, 40
"""Characters around a mark within which its pattern must fit."""


def first_person(words: str) -> str | None:
    """The first pronoun of the first person in an author's own words, or None."""
    found, end = None, len(words)
    for literal, pattern in PRONOUNS:
        if (
            words.find(literal, 0, end) >= 0
            and (hit := first_of(literal, pattern, words))
            and hit.start() < end
        ):
            found, end = hit, hit.start()
    return found and found[0].strip()


def first_of(literal: str, pattern: re.Pattern[str], words: str) -> re.Match[str] | None:
    """The first place where a pronoun stands that is not the numeral."""
    for hit in pattern.finditer(words):
        before = words[max(0, hit.start() - LONGEST_BEFORE) : hit.end()]
        if literal != "I" or not NUMERAL.search(before):
            return hit
    return None


def cross_reference(words: str) -> str | None:
    """The first words that point to another post or to the site, or None."""
    lower = words.lower()
    seen = [mark for mark in MARKS if mark in lower]
    if not seen:
        return None
    hits = (
        hit
        for clue in CLUES
        for mark in clue.marks
        if mark in seen
        for hit in around(mark, lower, words, clue)
    )
    found = min(hits, key=lambda hit: hit.start(), default=None)
    return found and " ".join(found[0].split())


def around(mark: str, lower: str, words: str, clue: Clue) -> Iterator[re.Match[str]]:
    """The first fit of a pattern near one of its marks."""
    if len(lower) != len(
        words
    ):  # a few capitals have more than one letter in lower case: places do not agree
        lower = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in words)
    at = lower.find(mark)
    while at >= 0:
        if hit := clue.pattern.search(words, max(0, at - BEFORE), at + AFTER):
            yield hit
            return
        at = lower.find(mark, at + 1)
