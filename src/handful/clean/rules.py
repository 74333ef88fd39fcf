"""Reasons to drop a candidate. The table is the paper's paragraph (Section 2.1), in its order; what follows is ours.

The paper gives two examples of each word list ("I", "my"; "as mentioned", "stack exchange") and not the lists: they are
in `wording.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from handful.clean.prose import own_words
from handful.clean.wording import cross_reference, first_person
from handful.core.types import Candidate
from handful.recipe.curation import Clean


def low_score(candidate: Candidate, params: Clean) -> str | None:
    score, least = candidate.answer_score, params.min_answer_score
    return f"score {score:,} < {least:,}" if score < least else None


def too_short(candidate: Candidate, params: Clean) -> str | None:
    length, least = len(candidate.answer), params.min_chars
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


def empty_answer(candidate: Candidate, params: Clean) -> str | None:
    return None if candidate.answer else "the answer has no text"


def empty_prompt(candidate: Candidate, params: Clean) -> str | None:
    return None if candidate.title or candidate.body else "neither title nor body has text"


Rule = Callable[[Candidate, Clean], str | None]
"""What the rule saw, in a few words, or None to keep the candidate. The candidate holds text, not HTML."""

PAPERS_RULES: dict[str, Rule] = {
    "low_score": low_score,
    "too_short": too_short,
    "too_long": too_long,
    "first_person": in_first_person,
    "cross_reference": refers_to_others,
}
RULES: dict[str, Rule] = {**PAPERS_RULES, "empty_answer": empty_answer, "empty_prompt": empty_prompt}


def rules_of(params: Clean) -> dict[str, Rule]:
    """The rules that are on. Without the paper's, what has nothing to learn from still goes."""
    return {name: rule for name, rule in RULES.items() if params.filtered or name not in PAPERS_RULES}


def reason_to_drop(candidate: Candidate, params: Clean) -> tuple[str, str] | None:
    """The first rule that the candidate breaks and what that rule saw, or None to keep it."""
    for name, breaks in RULES.items():
        if (params.filtered or name not in PAPERS_RULES) and (seen := breaks(candidate, params)):
            return name, seen
    return None
