"""The page of dev answers: each prompt with the epochs' answers side by side, as the authors read them.

One file that asks for nothing from anywhere. Texts of models and of people are inserted as text alone: the template
escapes all of it, and the page's policy lets no script run but the one that is named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from handful.choose.records import Choice, Given, Row, Sample
from handful.core.types import Interval
from handful.models.asking import dialogue

DASH = "\N{EN DASH}"
KEYS = "1234567890"
"""Of the first ten columns."""
FINISH = {
    "eot": "ended its turn",
    "eos": "ended the text",
    "length": "cut at the limit",
    "stop": "stopped",
    "error": "failed",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A line above a column."""

    name: str
    value: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """An epoch."""

    epoch: int
    key: str
    shown: bool
    """At first: what is no candidate is hidden."""
    chosen: bool
    measures: Sequence[Measure]


@dataclass(frozen=True, slots=True)
class Answer:
    column: Column
    sample: Sample | None
    finish: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt with its answers, in the order of the columns."""

    id: str
    prompt: str
    reference: str
    """What the dev example answers."""
    answers: Sequence[Answer]


def html(choice: Choice | None, table: Sequence[Row], notes: Sequence[str], given: Given) -> str:
    """The page.

    Args:
        choice: None where a person has yet to make it.
        table: an epoch a column.
    """
    environment = Environment(
        loader=PackageLoader("handful.choose", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    style, script = (part(f"page.{kind}") for kind in ("css", "js"))
    columns = [column(place, row, choice) for place, row in enumerate(table)]
    return (
        environment.get_template("page.html.jinja").render(
            policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
            f"style-src '{hashed(style)}'; script-src '{hashed(script)}'",
            style=Markup(style),  # ours, from the package
            script=Markup(script),
            headline=headline(choice, table),
            notes=notes,
            columns=columns,
            prompts=[asked(id, columns, given) for id in given.prompts],
        )
        + "\n"
    )


def part(name: str) -> str:
    return files("handful.choose").joinpath(name).read_text(encoding="utf-8")


def hashed(text: str) -> str:
    """As a content security policy names what stands between two tags."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def visible(text: str) -> str:
    """The text with each invisible control character as its code: one that turns the direction could mislead."""
    return "".join(
        f"[U+{ord(c):04X}]" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t\u200d" else c
        for c in text
    )


def headline(choice: Choice | None, table: Sequence[Row]) -> str:
    open_to = ", ".join(str(row.epoch) for row in table if row.candidate)
    if choice is None:
        return f"Not chosen yet. Candidates: epochs {open_to}. Put your choice into the recipe: [choose] epoch = N"
    how = {
        "last": "the last one",
        "hand": "by hand",
        "people": f"by the votes of {of_people(choice.people)} who read them blinded, among epochs {open_to}",
        "judge": f"by the grades of {choice.judge}, among epochs {open_to}",
    }
    return f"Chosen: epoch {choice.epoch}, {how[choice.by]}."


def of_people(count: int) -> str:
    return "one person" if count == 1 else f"{count} people"


def column(place: int, row: Row, choice: Choice | None) -> Column:
    is_chosen = choice is not None and choice.epoch == row.epoch
    return Column(
        epoch=row.epoch,
        key=KEYS[place] if place < len(KEYS) else "",
        shown=row.candidate or is_chosen,
        chosen=is_chosen,
        measures=measures(row),
    )


def measures(row: Row) -> list[Measure]:
    found = [
        Measure("dev loss", number(row.dev_loss, 3)),
        Measure("perplexity", number(row.perplexity, 2)),
        Measure("ended with EOT", share(row.eot_rate)),
        Measure("mean words", number(row.mean_words, 0)),
        Measure("repeated 4-grams", share(row.repeated_4grams)),
    ]
    if row.grade:
        lost = f", {row.unreadable} unreadable" if row.unreadable else ""
        found.insert(0, Measure("grade, 1 to 6", number(row.grade.estimate, 2), bounds(row.grade) + lost))
    if row.share:
        low, high = row.share.low, row.share.high
        span = "" if low is None or high is None else f"{low:.0%} to {high:.0%}, "
        found.insert(0, Measure("share of the votes", share(row.share.estimate), f"{span}n = {row.share.n}"))
    return found


def bounds(grade: Interval) -> str:
    """As "3.10 to 4.02, n = 50"."""
    n = f"n = {grade.n}"
    if grade.low is None or grade.high is None:
        return n
    return f"{grade.low:.2f} to {grade.high:.2f}, {n}"


def number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:,.{digits}f}"


def share(value: float | None) -> str:
    return DASH if value is None else f"{value:.0%}"


def asked(id: str, columns: Sequence[Column], given: Given) -> Asked:
    example = given.prompts[id]
    samples = {sample.epoch: sample for sample in given.samples if sample.prompt_id == id}
    answers = [Answer(each, samples.get(each.epoch), finish(samples.get(each.epoch))) for each in columns]
    return Asked(id, dialogue(example.prompt().turns), example.turns[-1].text, answers)


def finish(sample: Sample | None) -> str:
    return FINISH[sample.finish] if sample else ""
