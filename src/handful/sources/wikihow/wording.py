"""The words that change within an article: "This article …" becomes an answer, and the marks of references go.

The paper's rule is the first: the opening "This article…" becomes "The following answer…". LIMA's own answers have it
wherever a sentence of the introduction begins so. The other names that wikiHow has for an article are ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ITSELF = r"(?:wikihow(?:\s+(?:article|guide|how-to))?|article|guide|tutorial|how-to(?:\s+(?:article|guide))?)"
THIS = re.compile(rf"[Tt](?i:his\s+{ITSELF})\b(?!-)")
IN_THIS = re.compile(rf"([Ii])(?<!\w[Ii])[Nn]\s+(?i:this\s+{ITSELF})\b(?!-)")
"""Both begin with a set of letters, for which Python looks several times as fast as for one in either case."""
ENDED = re.compile(r"[.!?]['\"\u2019\u201d)]?$")


def following_answer(intro: str) -> str:
    """An introduction in which "This article" and its kin, where they begin a sentence, are "The following answer"."""
    if "his " not in intro and "HIS " not in intro:
        return intro
    return IN_THIS.sub(r"\1n the following answer", THIS.sub(in_place_of_this, intro))


def in_place_of_this(article: re.Match[str]) -> str:
    before = article.string[: article.start()]
    last = before.rstrip()
    begins = not before or before[-1] == "\n" or (last != before and ENDED.search(last[-2:]))
    return "The following answer" if begins else article[0]


END = "\0"
"""Stands between texts that are cleaned together. No text has it: control characters are gone by then."""

MARK = re.compile(
    r"(?:\[\d{1,3}\]\s*X\s*(?:Research\s+source|Trustworthy\s+Source[^\0]{1,400}?Go\s+to\s+source"
    r"|Expert\s+Source[^\0]{1,300}?Expert\s+Interview\.?(?:\s*\d{1,2}\s[A-Z][a-z]+\s\d{4}\.)?(?:\s*(\.)(?=\s))?)"
    r"|\[(?<=[\s.,:;!?)\"'\u2019\u201d\]]\[)\d{1,3}\])\s*"
)
ENDS_A_SENTENCE = frozenset([".", ",", ";", ":", "!", "?", "\n", END])
POLL = re.compile(r"Reader Poll:[^\0]{1,600}?\[Take Poll\]\s*")
GLUED = re.compile(r"\.(?<=[a-z)]\.)(?=[A-Z][a-z]+ )")
GONE = "\x08"
"""Put in place of a mark whose blank in front goes, too."""


def in_place_of(mark: re.Match[str]) -> str:
    """A blank for a mark within a sentence, nothing for one before its end."""
    text, (start, end) = mark.string, mark.span()
    before, after = text[start - 1 : start], text[end : end + 1]
    if mark[1] and before not in ".!?":
        return ". "
    if after in ENDS_A_SENTENCE:
        return GONE if before == " " else ""
    return "" if before == " " else " "


def clean_texts(texts: Sequence[str], glued: bool = True) -> list[str]:
    """Texts without "[5] X Research source" and the like, with single blanks; line breaks stay.

    They are cleaned as one, since a page has many short ones and each pass has its price.

    Args:
        glued: whether to part sentences that lost the blank between them, where a file dropped the tags between two
            bullets.
    """
    text = END.join(texts) + END
    if "[" in text:
        text = MARK.sub(in_place_of, text)
        if "Reader Poll:" in text:
            text = POLL.sub(" ", text)
        if GONE in text:
            text = text.replace(f" {GONE}", "")
    if glued:
        text = GLUED.sub(". ", text)
    if not text.isascii():
        text = text.replace("\xa0", " ")
    text = text.replace("\t", " ").replace("\r", "")
    cleaned = text.split(END)[:-1]
    if "  " in text:
        cleaned = list(map(with_single_blanks, cleaned))
    return [one.strip() for one in cleaned]


def with_single_blanks(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def clean_text(text: str) -> str:
    """One text as `clean_texts` has it, on one line."""
    return " ".join(clean_texts([text])[0].split()) if text else ""
