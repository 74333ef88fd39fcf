"""What every rule took: the curation funnel of a dataset card, over all sources and for each of them.

The counts are those of the manifest of `clean` (docs/artifacts.md). A rule that is not named here is shown by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from handful.dataset.markdown import plain, table

RULE_IN_WORDS = {
    "low_score": "the answer's score is below {min_answer_score}",
    "too_short": "the answer is shorter than {min_chars:,} characters",
    "too_long": "the answer is longer than {max_chars:,} characters",
    "first_person": "the answer is in the first person (word list: ours)",
    "cross_reference": "the answer refers to other answers, comments or the site (word list: ours)",
    "empty_answer": "the answer has no text",
    "empty_prompt": "neither title nor body has text",
    "empty_turn": "a turn has no text",
    "test_overlap": "the text has {overlap_words} words in a row from a test prompt, or all of a short one",
    "language": "the text is clearly in another language than {language}",
    "secret": "the text holds a private key, an access token or a password",
    "personal_data": "the text holds an e-mail address, a phone number, an IBAN or the number of a payment card",
    "duplicate": "the same prompt stands elsewhere",
    "near_duplicate": "nearly the same prompt or answer stands elsewhere (similarity {near_duplicate_similarity:g})",
    "also_in_test": "the same prompt stands in the test split",
    "also_in_dev": "the same prompt stands in the dev split",
}
"""Rule -> what it drops, with the settings of `clean` in braces. In the order in which the rules are asked."""
READ_IN_WORDS = {
    "asker_is_answerer": "the answer is the asker's own: no dialogue",
    "asker_unknown": "nobody can tell which comments are the asker's",
    "bad_instance": "an instance that cannot be read",
    "bad_row": "a row that cannot be read",
    "bad_task": "a file that is no task, or cannot be read",
    "bot": "written by a program",
    "broken_row": "a row that breaks off",
    "category": "a task of a category that is left out",
    "copied_answers": "a task whose answers stand in its input",
    "deleted": "its author deleted it, or the account is gone",
    "duplicate_task": "the same task stands elsewhere",
    "empty_file": "a file without text",
    "empty_post": "question or answer has no text",
    "fabricated_post": "one of the dump's own false posts",
    "few_steps": "an article with too few steps",
    "few_votes": "it has too few votes",
    "has_text": "a title that needs the text below it",
    "kind_left_out": "an authored file of a kind that the recipe leaves out",
    "split_left_out": "an authored file of a split that the recipe leaves out",
    "over_max_prompts": "a test prompt beyond those that the recipe takes",
    "label_task": "a task whose answers are labels",
    "link_post": "a title that needs the page it links to",
    "long_prompt": "a prompt that is too long",
    "missing_attribute": "a row without what makes it a post",
    "moderator": "written as a moderator",
    "no_answer": "there is no answer",
    "no_comments": "a site without comments",
    "no_questions": "a site without questions",
    "no_instances": "a task without instances",
    "no_prompt": "there is no question",
    "no_score": "its votes are not stated",
    "no_steps": "an article without steps",
    "no_title": "there is no title",
    "non_commercial": "its licence forbids commercial use",
    "not_among_top": "others have more votes",
    "not_prose": "a task whose answers are no prose",
    "not_self_contained": "a title that cannot be asked alone",
    "not_a_question": "a title that is no question",
    "nsfw": "marked as not safe for work",
    "orphan_answer": "answers to a question that is not there",
    "other_file": "a file of another kind",
    "removed": "moderators removed it",
    "repeated_post": "the same post stands there twice",
    "short_article": "an article that is too short",
    "same_title": "the same title stands elsewhere",
    "stickied": "pinned by moderators",
    "system_message": "a system message, left out; the rest is kept",
    "tag": "its tag asks for something else than a story",
    "third_person": "a third person joins in too early",
    "too_few_turns": "too few turns for a dialogue",
    "unknown_license": "its licence is not known",
}
"""The same of rules that only readers have: they take theirs before any rule of `clean` is asked."""
SWITCHES = {
    "low_score": ("filtered",),
    "too_short": ("filtered",),
    "too_long": ("filtered",),
    "first_person": ("filtered", "drop_first_person"),
    "cross_reference": ("filtered", "drop_cross_references"),
    "duplicate": ("drop_duplicates",),
}
"""Rules that are shown even where they took nothing -> the settings that have to be true for them to be asked."""


def funnel(
    counts: Mapping[str, Any], params: Mapping[str, Any], select: Mapping[str, Any] | None = None
) -> str:
    """Every rule with its value and what it took, and how many were left after it; then the same by source.

    Args:
        counts: of `clean`.
        params: of `clean`, for the values that its rules name.
        select: counts of `select`, where the funnel goes on to what was drawn.
    """
    left = counts["candidates"]
    cells = [("came in", "", "", f"{left:,}")]
    taken = {rule: counts["dropped"].get(rule, 0) for rule in (*counts["dropped"], *SWITCHES)}
    for rule in in_order(taken):
        left -= taken[rule]
        cells.append((plain(rule), meaning(rule, params), f"{taken[rule]:,}", f"{left:,}"))
    if select is not None:
        cells += after_cleaning(left, select)
    text = table(("rule", "drops what", "took", "left"), cells)
    parts = [
        text,
        by_source(counts, select) if counts.get("sources") else "",
        masked(counts.get("masked", {})),
    ]
    return "\n\n".join(filter(None, parts))


def after_cleaning(left: int, select: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """What reviewers rejected, what the quota left, and what people wrote beside it."""
    reviews = select.get("reviews", {})
    rejected, written = reviews.get("rejected", 0), reviews.get("written", 0)
    drawn = sum(select["drawn"].values())
    cells = []
    if rejected:
        left -= rejected
        cells.append(("rejected", "reviewers rejected it", f"{rejected:,}", f"{left:,}"))
    cells.append(("not_drawn", "more than the quota", f"{left - drawn + written:,}", f"{drawn - written:,}"))
    if written:
        cells.append(("written", "added: reviewers wrote it", "", f"{drawn:,}"))
    return cells


def masked(counts: Mapping[str, int]) -> str:
    """What was made unreadable rather than dropped: kind -> how often."""
    found = ", ".join(f"{kind} {n:,}" for kind, n in counts.items() if n)
    none = ", ".join(kind for kind, n in counts.items() if not n)
    text = f'Masked in the texts, as "&lt;KIND>": {found}.' if found else ""
    return f"{text} Looked for to be masked, and not found: {none}.".strip() if none else text


def by_source(counts: Mapping[str, Any], select: Mapping[str, Any] | None) -> str:
    """A column a source: what came in, what each rule took of it, and what is left."""
    sources: Mapping[str, Any] = counts["sources"]
    cells = [("came in", *(f"{source['candidates']:,}" for source in sources.values()))]
    for rule in in_order(rule for rule, n in counts["dropped"].items() if n):
        took = (source["dropped"].get(rule, 0) for source in sources.values())
        cells.append((plain(rule), *(f"{n:,}" for n in took)))
    cells.append(("left", *(f"{source['kept']:,}" for source in sources.values())))
    if any("prompts" in source for source in sources.values()):
        prompts = (source.get("prompts", 0) for source in sources.values())
        cells.append(("to test or to watch with", *(f"{n:,}" for n in prompts)))
    if select is not None:
        cells.append(("drawn", *(f"{select['drawn'].get(name, 0):,}" for name in sources)))
    return table(("rule", *map(plain, sources)), cells)


def in_order(rules: Iterable[str]) -> list[str]:
    """Reasons of a reader come first: they took theirs before any rule was asked."""
    names = list(RULE_IN_WORDS)
    return sorted(rules, key=lambda rule: names.index(rule) if rule in names else -1)


def meaning(rule: str, params: Mapping[str, Any]) -> str:
    """What a rule drops, in words, with the value that it was given."""
    if not all(params.get(name, True) for name in SWITCHES.get(rule, ())):
        return "switched off"
    if rule not in RULE_IN_WORDS:
        return READ_IN_WORDS.get(rule, plain(rule.replace("_", " ")))
    return RULE_IN_WORDS[rule].format_map(Values(params))


class Values(dict[str, Any]):
    """Parameters to write into a sentence."""

    def __missing__(self, name: str) -> Unstated:
        return Unstated()


class Unstated:
    """Stands for a value that the manifest does not hold, whatever the format asked for."""

    def __format__(self, spec: str) -> str:
        return "the limit"
