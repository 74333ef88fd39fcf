"""What the authored set covers: how many of which kind, form and topic, how long, laid out how, how unlike each other.

Lengths stand beside Table 1's, distances beside those of other sets that the user names. Figures describe the whole set
and no sample of something larger, so they have no interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from handful.core.types import Interval
from handful.experiments import alike
from handful.experiments.authored_set import Given, said
from handful.experiments.style import Piece
from handful.sources.authored import SPLITS

Texts = Sequence[str]
WHOLE = "of the whole set, which is no sample: no interval"
DIALOGUES = "dialogues"
PAPER = {("train", "in"): 40, ("train", "out"): 334}
"""Table 1: mean tokens of the paper's 200, which have one turn each, of its own model's tokenizer."""
SHAPES: Mapping[str, Callable[[str], bool]] = {
    "code": lambda text: "```" in text or "~~~" in text,
    "table": lambda text: "\n|" in f"\n{text}",
    "steps": lambda text: listed(text, lambda mark: mark[0].isdigit()),
    "bullets": lambda text: listed(text, lambda mark: mark in "-*+"),
    "prose": lambda text: True,
}
"""How an answer is laid out; the first that fits."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long the prompts ("in": all of the user's turns) or answers ("out") of a group are."""

    group: str
    side: str
    words: Interval
    tokens: Interval | None
    shortest: int
    middle: float
    longest: int
    """Words, these three."""


@dataclass(frozen=True, slots=True)
class Distance:
    """How alike the prompts or answers of a set are to their nearest."""

    of: str
    what: str
    spread: alike.Spread


def counts(pieces: Sequence[Piece], key: str) -> dict[str, Counter[str]]:
    """Split -> how many files say what under `key` of their front matter; splits in their order."""
    return {
        split: Counter(one.keys.get(key, "") for one in pieces if one.split == split)
        for split in SPLITS
        if any(one.split == split for one in pieces)
    }


def layouts(pieces: Sequence[Piece]) -> Counter[str]:
    """How many answers are laid out how; each counts once, by what stands first in SHAPES."""
    answers = [answer for one in pieces if one.split != "test" for answer in one.answers]
    found = Counter(next(name for name, fits in SHAPES.items() if fits(answer)) for answer in answers)
    return Counter({name: found[name] for name in SHAPES}) if answers else Counter()


def listed(text: str, fits: Callable[[str], bool]) -> bool:
    """Whether two lines or more begin with a mark of a list."""
    marks = [line.split()[0] for line in text.split("\n") if line.split()]
    return sum(bool(fits(mark)) for mark in marks if mark in "-*+" or mark[:-1].isdigit()) >= 2


def group(one: Piece) -> str:
    """Its split; dialogues to train on are apart, as in the paper."""
    return DIALOGUES if one.kind == "dialogue" and one.split == "train" else one.split


def lengths(
    pieces: Sequence[Piece], beside: Sequence[Given] = (), tokens: Callable[[str], int] | None = None
) -> list[Length]:
    """Of prompts and answers, group by group, and of other sets.

    Args:
        tokens: counts those of a text; without it there are words only.
    """
    groups = {
        name: [one.turns for one in pieces if group(one) == name]
        for name in ("train", DIALOGUES, "dev", "test")
    }
    found = []
    for name, dialogues in [*groups.items(), *((given.name, given.dialogues) for given in beside)]:
        for side, role in (("in", "user"), ("out", "assistant")):
            texts = [
                said(turns, role) for turns in dialogues if turns[-1].role == "assistant" or side == "in"
            ]
            if texts:
                found.append(length(name, side, texts, tokens))
    return found


def length(group: str, side: str, texts: Texts, tokens: Callable[[str], int] | None) -> Length:
    counted = [len(text.split()) for text in texts]
    return Length(
        group,
        side,
        mean_of(counted),
        mean_of([tokens(text) for text in texts]) if tokens else None,
        min(counted),
        median(counted),
        max(counted),
    )


def mean_of(values: Sequence[float]) -> Interval:
    return Interval(fmean(values), None, None, len(values), "texts", WHOLE)


def distances(pieces: Sequence[Piece], beside: Sequence[Given] = ()) -> list[Distance]:
    """Nearest neighbours within the training examples, within the test prompts, between the two, and within others.

    A set of more texts has nearer neighbours, so sets of about one size are put side by side.
    """
    train = [one for one in pieces if group(one) == "train"]
    test = [one for one in pieces if one.split == "test"]
    prompts = [
        [one.prompts[0] for one in train],
        [one.prompts[0] for one in test],
        *(g.prompts() for g in beside),
    ]
    answers = [["\n\n".join(one.answers) for one in train], *(given.answers() for given in beside)]
    asked, said_ = alike.vectors(prompts), alike.vectors(answers)
    names = [given.name for given in beside]
    wanted = [
        ("train", "prompts", alike.nearest(asked[0])),
        *((name, "prompts", alike.nearest(made)) for name, made in zip(names, asked[2:], strict=True)),
        ("train", "answers", alike.nearest(said_[0])),
        *((name, "answers", alike.nearest(made)) for name, made in zip(names, said_[1:], strict=True)),
        ("test", "prompts", alike.nearest(asked[1])),
        ("test to train", "prompts", alike.nearest(asked[1], asked[0])),
        *(
            (f"train to {n}", "prompts", alike.nearest(asked[0], made))
            for n, made in zip(names, asked[2:], strict=True)
        ),
    ]
    return [Distance(of, what, alike.spread(pairs)) for of, what, pairs in wanted if pairs]
