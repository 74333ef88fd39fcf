"""Reasons to drop a candidate. The table is the paper's paragraph (Section 2.1), in its order.

The paper gives two examples of each word list ("I", "my"; "as mentioned", "stack exchange") and not the lists. Ours
are below. They were judged on the 400 Stack Exchange answers that LIMA released, which passed the authors' own
filter: tests/clean/test_rules.py holds them to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from handful.clean.prose import own_words
from handful.core.types import Candidate
from handful.recipe.schema import Clean

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
NUMERAL = re.compile(rf"\b(?:{NUMERAL_AFTER})\.? I\b(?!['\u2019])")

FIRST_PERSON = re.compile(
    r"""
      (?<![\w$%+=*/\\^.&~-])(?<![+=<>*/&|^]\ )(?<!\b[A-Z],\ )
      (?: I(?=\s+[a-z(*_"“])          # "I think"; not "Table I" at the end, "P = I^2", "I/O", "I.e.", "I-beam"
        | I(?=,?\ [a-z]|\))           # "I, too", "(or at least I)"
        | [Ii]['\u2019](?:m|ve|d|ll)\b
        | i\ (?=am\b|was\b|have\b|had\b|think\b|would\b|do\b|don['\u2019]?t\b|can\b|use\b|know\b|believe\b|guess\b)
        | [Mm]y(?![\w-]|\ (?:Documents|Computer|Pictures|Music|Network)\b)
        | me(?![\w-]|\.\w)
        | [Mm]yself\b
        | (?<=\bof\ )mine\b | (?<=\bthan\ )mine\b | (?<=\blike\ )mine\b | Mine(?=\ (?:is|was|are|were|has|had)\b)
      )
    """,
    re.VERBOSE,
)

REFERENCES = (
    r"as (?:(?:already|previously|was|has|have|been|I|others?|people|many|some) )*"
    r"(?:mentioned|pointed out|noted|stated)(?: (?:above|before|by|in|previously|earlier|already))?",
    r"(?:has|have) (?:already )?been (?:mentioned|pointed out) (?:above|by|in)",
    r"(?:the other|another) answers?",
    r"other answers(?! to )",
    r"(?:accepted|top|above|previous|existing|top-voted|highest-voted|upvoted) answers?",
    r"answers? (?:above|below)",
    r"(?:this|my|his|her|their|your) answer(?: (?:here|above|below|to (?:the|a|this|that) (?:question|post)))",
    r"(?:previous|other|earlier|above) (?:poster|responder|commenter)s?",
    r"stack ?exchange",
    r"stack ?overflow",
    r"(?:super|server) ?(?:user|fault)\.com",
    r"(?:on|of|for|from) this (?:site|forum)",
    r"the OP(?:['\u2019]s)?",
    r"in (?:a|the|his|her|your|my|their) comments?(?: (?:above|below|section))?",
    r"(?:['\u2019]s|your|his|her) comment",
    r"down-?vot(?:e|es|ed|er|ers|ing)|up-?vot(?:e|es|ed|er|ers|ing)",
)
CROSS_REFERENCE = re.compile(rf"(?<![\w@/.-])(?:{'|'.join(REFERENCES)})(?!\w)", re.IGNORECASE)
NAMED = re.compile(r"\b[A-Z@]\w+['\u2019]s? (?:excellent |great |good |nice |fine |own )?answer\b")
MENTION = re.compile(r"(?:^|(?<=[\s(,:]))@[A-Za-z][\w-]{2,}(?![\w.]*[@(/])")
"""An "@name", as in comments. Not an address, and not a package's or a decorator's name with a path or brackets."""
AS_NAMED = re.compile(
    r"\b[Aa]s (?:@?[A-Z][\w.-]+|they|he|she)(?: [A-Z]\w+)? (?:said|says|pointed out|mentions?|mentioned|suggested)\b"
)


def first_person(words: str) -> str | None:
    """The first pronoun of the first person in an author's own words, or None."""
    found = FIRST_PERSON.search(NUMERAL.sub(" ", words))
    return found and found[0].strip()


def cross_reference(words: str) -> str | None:
    """The first words that point to another post or to the site, or None."""
    hits = (pattern.search(words) for pattern in (CROSS_REFERENCE, NAMED, AS_NAMED, MENTION))
    found = min((hit for hit in hits if hit), key=lambda hit: hit.start(), default=None)
    return found and " ".join(found[0].split())


def low_score(candidate: Candidate, params: Clean) -> str | None:
    score, least = candidate.answer_score, params.min_answer_score
    return f"score {score:,} < {least:,}" if score < least else None


def too_short(candidate: Candidate, params: Clean) -> str | None:
    """An answer without a character is too short whatever the recipe says: there is nothing to learn from it."""
    length, least = len(candidate.answer), max(params.min_chars, 1)
    return f"{length:,} characters < {least:,}" if length < least else None


def too_long(candidate: Candidate, params: Clean) -> str | None:
    length, most = len(candidate.answer), params.max_chars
    return f"{length:,} characters > {most:,}" if length > most else None


def in_first_person(candidate: Candidate, params: Clean) -> str | None:
    seen = first_person(own_words(candidate.answer)) if params.drop_first_person else None
    return seen and f'says "{seen}"'


def refers_to_others(candidate: Candidate, params: Clean) -> str | None:
    seen = cross_reference(own_words(candidate.answer)) if params.drop_cross_references else None
    return seen and f'says "{seen}"'


def empty_prompt(candidate: Candidate, params: Clean) -> str | None:
    return None if candidate.title or candidate.body else "neither title nor body has text"


Rule = Callable[[Candidate, Clean], str | None]
"""What the rule saw, in a few words, or None to keep the candidate. The candidate holds text, not HTML."""

RULES: dict[str, Rule] = {
    "low_score": low_score,
    "too_short": too_short,
    "too_long": too_long,
    "first_person": in_first_person,
    "cross_reference": refers_to_others,
    "empty_prompt": empty_prompt,
}


def reason_to_drop(candidate: Candidate, params: Clean) -> tuple[str, str] | None:
    """The first rule that the candidate breaks and what that rule saw, or None to keep it."""
    for name, breaks in RULES.items():
        if seen := breaks(candidate, params):
            return name, seen
    return None
