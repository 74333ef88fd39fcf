"""Every prompt with every answer, verdict and grade: browse.html, which stands alone as the report does.

Works without its script, as one long page; the script only hides what a filter leaves out. A study too large for one
file that opens fast is cut into several, linked with each other. What models wrote is only ever text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from markupsafe import Markup

from handful.core.types import Example, Turn, Verdict
from handful.report.facts import Facts, Graded, Said
from handful.report.page import template
from handful.report.words import in_words, stopped

PAGE_BYTES = 10_000_000
"""About as much as still opens at once; a page ends with the prompt that passes it."""
OUTCOMES = {
    "win": "subject wins",
    "tie": "tie",
    "loss": "subject loses",
    "flipped": "changed its mind",
    "split": "no majority",
    "unreadable": "unreadable",
    "missing": "no verdict",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """One response with its grades."""

    system: str
    sample: int
    text: str
    note: str
    grades: Sequence[str] = ()
    """As "gpt: helpfulness 4": those whose judge gave no words."""
    reasons: Sequence[tuple[str, str]] = ()
    """(the same, what the judge wrote)."""
    turns: Sequence[Turn] = ()
    """Of a dialogue: all of it; `text` is then empty."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One verdict as it was given: in which order, and the judge's own words."""

    order: str
    """As "tuned first"."""
    choice: str
    """A system, "tie" or "unreadable"."""
    raw: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What one judge or person said of one comparison."""

    judge: str
    baseline: str
    outcome: str
    """A key of OUTCOMES."""
    words: str
    shown: Sequence[Shown]
    sides: str
    """How `study` wrote the comparison: "left: base, right: tuned"."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One prompt of the page."""

    number: int
    id: str
    turns: Sequence[Turn]
    tags: Sequence[str]
    answers: Sequence[Answered]
    judged: Sequence[Judged]
    flags: Sequence[str] = ()
    tokens: str = field(default="")
    """What the script filters by: "judge|baseline|outcome" for each verdict, with tabs between."""


def pages(facts: Facts, most_bytes: int) -> dict[str, str]:
    """Name of a file -> the page: browse.html, browse-2.html … where one is not enough; none where nothing was asked.

    Args:
        most_bytes: a page ends with the prompt that passes so many.
    """
    found = list(entries(facts))
    if not found:
        return {}
    parts = cut(found, most_bytes)
    names = [name_of(place) for place in range(len(parts))]
    return {
        name: rendered(
            facts, part, [(n, p[0].number, p[-1].number) for n, p in zip(names, parts, strict=True)], name
        )
        for name, part in zip(names, parts, strict=True)
    }


def name_of(place: int) -> str:
    return "browse.html" if place == 0 else f"browse-{place + 1}.html"


def cut(found: Sequence[Entry], most_bytes: int) -> list[list[Entry]]:
    """The entries in parts of about `most_bytes` each."""
    parts: list[list[Entry]] = [[]]
    size = 0
    for entry in found:
        if size > most_bytes:
            parts.append([])
            size = 0
        parts[-1].append(entry)
        size += size_of(entry)
    return parts


def size_of(entry: Entry) -> int:
    texts = [turn.text for turn in entry.turns]
    for answer in entry.answers:
        texts += [answer.text, *(turn.text for turn in answer.turns), *(raw for _, raw in answer.reasons)]
    texts += [shown.raw for judged in entry.judged for shown in judged.shown]
    return sum(len(text.encode()) for text in texts) + 200 * len(texts)


def rendered(
    facts: Facts, part: Sequence[Entry], all_parts: Sequence[tuple[str, int, int]], name: str
) -> str:
    script = (files("handful.report") / "browse.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    judged = [each for entry in part for each in entry.judged]
    return (
        template("browse.html.jinja").render(
            title=facts.recipe.name,
            entries=part,
            parts=all_parts,
            here=name,
            script=Markup(script),  # ours, of the package
            script_hash=digest,
            judges=list(dict.fromkeys(each.judge for each in judged)),
            baselines=list(dict.fromkeys(each.baseline for each in judged)),
            outcomes={key: words for key, words in OUTCOMES.items() if any(e.outcome == key for e in judged)},
            tags=sorted({tag for entry in part for tag in entry.tags}),
        )
        + "\n"
    )


def entries(facts: Facts) -> Iterator[Entry]:
    said: dict[str, list[Said]] = {}
    for each in facts.said:
        said.setdefault(each.prompt_id, []).append(each)
    given: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in facts.verdicts:
        given.setdefault((verdict.comparison_id, verdict.judge), []).append(verdict)
    answers = answers_by_prompt(facts)
    flags = flags_by_prompt(facts)
    for number, prompt in enumerate(facts.asked(), start=1):
        judged = [judgement(facts, each, given) for each in said.get(prompt.id, ())]
        yield Entry(
            number=number,
            id=prompt.id,
            turns=prompt.turns[:-1] if isinstance(prompt, Example) else prompt.turns,
            tags=prompt.tags,
            answers=answers.get(prompt.id, ()),
            judged=judged,
            flags=flags.get(prompt.id, ()),
            tokens="\t".join(dict.fromkeys(f"{j.judge}|{j.baseline}|{j.outcome}" for j in judged)),
        )


def answers_by_prompt(facts: Facts) -> dict[str, list[Answered]]:
    """Every response and dialogue, by prompt, in the order of the systems."""
    grades: dict[tuple[str, str, int], list[Graded]] = {}
    for grade in facts.grades:
        grades.setdefault((grade.prompt_id, grade.system, grade.sample), []).append(grade)
    found: dict[str, list[Answered]] = {}
    for name, responses in facts.responses.items():
        for r in responses:
            mine = [g for g in grades.get((r.prompt_id, name, r.sample), ()) if g.task != "turns"]
            found.setdefault(r.prompt_id, []).append(
                Answered(name, r.sample, r.text, stopped(facts, r), *in_words_or_short(mine))
            )
    for name, dialogues in facts.dialogues.items():
        for d in dialogues:
            mine = [g for g in grades.get((d.prompt_id, name, d.sample), ()) if g.task == "turns"]
            note = f"a dialogue of {sum(turn.role == 'assistant' for turn in d.turns)} answers"
            found.setdefault(d.prompt_id, []).append(
                Answered(name, d.sample, "", note, *in_words_or_short(mine), d.turns)
            )
    return found


def in_short(grade: Graded) -> str:
    what = f"turn {grade.turn + 1}" if grade.task == "turns" else grade.task
    return f"{grade.judge}: {what} {grade.grade or 'unreadable'}"


def in_words_or_short(grades: Sequence[Graded]) -> tuple[list[str], list[tuple[str, str]]]:
    """The grades without a judge's words, and those with them."""
    bare = [in_short(grade) for grade in grades if not grade.raw.strip()]
    return bare, [(in_short(grade), grade.raw) for grade in grades if grade.raw.strip()]


def flags_by_prompt(facts: Facts) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in facts.flags:
        found.setdefault(flag.id, []).append(in_words(flag))
    return found


def judgement(facts: Facts, said: Said, given: Mapping[tuple[str, str], Sequence[Verdict]]) -> Judged:
    seal = facts.seals[said.comparison_id]
    outcome = said.outcome if said.status == "read" and said.outcome else said.status
    words = {
        "win": f"{said.subject} wins",
        "loss": f"{said.baseline} wins",
        "tie": "tie",
        "flipped": "tie by rule: it changed its mind when sides were swapped",
        "split": "tie by rule: no majority",
    }
    return Judged(
        judge=said.judge,
        baseline=said.baseline,
        outcome=outcome,
        words=words.get(outcome, OUTCOMES.get(outcome, outcome)),
        shown=[as_shown(seal.left, seal.right, v) for v in given.get((said.comparison_id, said.judge), ())],
        sides=f"left: {seal.left}, right: {seal.right}",
    )


def as_shown(left: str, right: str, verdict: Verdict) -> Shown:
    """A verdict with the names that the judge did not see."""
    first, second = (right, left) if verdict.order == "swapped" else (left, right)
    taken = {"left": left, "right": right, "tie": "tie", None: "unreadable"}[verdict.choice]
    return Shown(f"{first} first, {second} second", taken, verdict.raw)
