"""How far tuning moved a model, token by token: what is measured, and its statistics (URIAL, Lin et al. 2023).

LIMA's hypothesis is that alignment is superficial: what a model knows comes from pretraining, and tuning teaches the
form of an answer. URIAL made that a measurement. The tuned model answers; each token of the answer is looked up among
what the base would have written in the same place: its first choice (unshifted), its second or third (marginal), or
something less likely (shifted). The three kinds and their bounds are URIAL's; intervals, the row without repeats and
the model's own ranks as a control are ours. A share says how much moved, not whether the answers are any better.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from handful.core.types import Finish, Interval, Noun
from handful.recipe.values import ModelRef, check
from handful.stats.bootstrap import Bootstrap, nothing

VERSION = 2
"""Part of the key: raised where the same settings come to mean something else."""
Kind: TypeAlias = Literal["unshifted", "marginal", "shifted"]
KINDS: tuple[Kind, ...] = ("unshifted", "marginal", "shifted")
MARGINAL = 3
"""The last rank that is marginal; beyond it a token is shifted."""
REPEAT = 4
"""A token repeats where it ends as many tokens as stood in the answer before."""
PUBLISHED = {
    "Llama-2-7b-chat over Llama-2-7b": (77.7, 14.5, 7.8),
    "Vicuna-7b-v1.5 over Llama-2-7b": (82.4, 12.8, 4.8),
    "Mistral-7b-instruct over Mistral-7b": (82.2, 12.5, 5.2),
}
"""Per cent unshifted, marginal and shifted, as URIAL gives them, without intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What decides the measurement, but for the prompts."""

    tuned: ModelRef
    base: ModelRef
    max_tokens: int = 256
    """Of an answer. Ours; long answers weigh more in the shares."""
    base_context: Literal["plain", "eos"] = "plain"
    """How the base reads our layout, whose EOT it does not know: the prompt and a blank line as kind = "base" is asked,
    or the same tokens with its own EOS for our EOT. Ours. Other layouts it reads token for token."""
    precision: Literal["float32", "bfloat16"] = "float32"
    batch_size: int = field(default=8, metadata={"key": False})
    device: Literal["auto", "cpu", "cuda"] = field(default="auto", metadata={"key": False})

    def __post_init__(self) -> None:
        for name in ("max_tokens", "batch_size"):
            check(self, name, low=1)


class Token(Noun, frozen=True):
    """One token that the tuned model wrote, and how the base finds it. A line of tokens.jsonl."""

    prompt_id: str
    position: int
    """In the answer, from 1."""
    token: str
    """Its text; empty where a character needs the next tokens too."""
    id: int
    rank: int
    """Under the base; 1 is its first choice."""
    kind: Kind
    probability: float
    """Under the base."""
    tuned_probability: float
    tuned_rank: int
    """Under the tuned model, read again in one pass: 1 but for rounding."""
    instead: str
    """The base's first choice."""
    repeats: bool
    """Ends four tokens that stood in this answer before."""


class Answer(Noun, frozen=True):
    """One answer: how it ended, and whether the base would have ended there."""

    prompt_id: str
    prompt: str
    tokens: int
    finish: Finish
    base_end_rank: int | None
    """The rank of the base's own end of text there; None where the answer was cut, or the base has none."""


class Shares(Noun, frozen=True):
    """Of some tokens, how many are of each kind."""

    what: str
    tokens: int
    unshifted: Interval
    marginal: Interval
    shifted: Interval

    @property
    def intervals(self) -> tuple[Interval, Interval, Interval]:
        return self.unshifted, self.marginal, self.shifted


class Span(Noun, frozen=True):
    """The tokens at positions `first` to `last` of all answers."""

    first: int
    last: int
    answers: int
    """That are so long."""
    shares: Shares


class Moved(Noun, frozen=True):
    """A token that is often shifted."""

    token: str
    shifted: int
    written: int
    answers: int
    """In which it is shifted."""
    instead: str
    """What the base would have written there most often."""


def kind_of(rank: int) -> Kind:
    """URIAL's three kinds: first choice, second or third, and the rest."""
    if rank == 1:
        return "unshifted"
    return "marginal" if rank <= MARGINAL else "shifted"


def repeating(ids: Sequence[int]) -> list[bool]:
    """Whether each token ends four tokens that stood before: a small model asked greedily goes round in circles."""
    seen: set[tuple[int, ...]] = set()
    found = []
    for end in range(1, len(ids) + 1):
        gram = tuple(ids[max(0, end - REPEAT) : end])
        found.append(len(gram) == REPEAT and gram in seen)
        seen.add(gram)
    return found


def shares(what: str, tokens: Sequence[Token], bootstrap: Bootstrap) -> Shares:
    """Shares with intervals over prompts: the tokens of an answer are not independent, so answers are resampled."""
    if not tokens:
        none = nothing()
        return Shares(what, 0, none, none, none)
    rows = [[float(token.kind == kind) for kind in KINDS] for token in tokens]
    return Shares(what, len(tokens), *bootstrap.means([token.prompt_id for token in tokens], rows))


def summary(tokens: Sequence[Token], bootstrap: Bootstrap) -> list[Shares]:
    """All tokens, as URIAL counts, and the same without repeats: those are easy to foresee for any model."""
    fresh = [token for token in tokens if not token.repeats]
    return [
        shares("all tokens", tokens, bootstrap),
        shares("without repeats", fresh, bootstrap),
    ]


def spans(tokens: Sequence[Token], bootstrap: Bootstrap) -> list[Span]:
    """Positions in doubling steps: 1, 2, 3 to 4, 5 to 8, 9 to 16 and so on, as far as any answer goes."""
    by_span: dict[int, list[Token]] = defaultdict(list)
    for token in tokens:
        by_span[(token.position - 1).bit_length()].append(token)
    found = []
    for power, own in sorted(by_span.items()):
        first, last = (2 ** (power - 1) + 1, 2**power) if power else (1, 1)
        name = f"{first}" if first == last else f"{first} to {last}"
        answers = len({token.prompt_id for token in own})
        found.append(Span(first, last, answers, shares(name, own, bootstrap)))
    return found


def most_moved(tokens: Iterable[Token], first: int = 25) -> list[Moved]:
    """The tokens that are shifted in the most answers; of equals the most often, then by their text."""
    written: Counter[str] = Counter()
    moved: dict[str, list[Token]] = defaultdict(list)
    for token in tokens:
        written[token.token] += 1
        if token.kind == "shifted" and token.token:
            moved[token.token].append(token)
    rows = []
    for text, own in moved.items():
        instead = Counter(token.instead for token in own)
        usual = min(instead, key=lambda choice: (-instead[choice], choice))
        answers = len({token.prompt_id for token in own})
        rows.append(Moved(text, len(own), written[text], answers, usual))
    rows.sort(key=lambda row: (-row.answers, -row.shifted, row.token))
    return rows[:first]
