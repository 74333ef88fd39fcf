"""A judge that is a causal language model on this machine: which option letter does it find likeliest?

The three options are lettered A, B and C, and the model's likelihood of each letter after "Verdict:" is its
score. Letters rather than the options' sentences: each is one token, so no option gains by its length, and one
forward pass scores all three. The model writes nothing, so there is nothing to misread.

What this cannot mend: a small model may follow the letter rather than the answers. That is why both orders are
asked; `stats` shows how often the two agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handful.core.errors import DataError
from handful.core.types import MIRROR, Choice, Comparison, Dropped, Noun, Verdict
from handful.judge import ask
from handful.judge.ask import ORDERS, Order
from handful.models.scoring import first_tokens, load_judge, option_scores, plain_ids, template
from handful.recipe.evaluation import LocalJudge

LETTERS: dict[Choice, str] = {"left": " A", "right": " B", "tie": " C"}
REQUEST = """\
Reply with one line only, which is exactly one of these:
Verdict: A (Answer A is significantly better)
Verdict: B (Answer B is significantly better)
Verdict: C (neither is significantly better)"""
LEAD = "Verdict:"
CUT = "\n[The rest is not shown.]"
MIN_RESPONSE_TOKENS = 16


class OptionScores(Noun, frozen=True):
    """The log-likelihood of each option, said of the comparison as it is stored, in the order shown."""

    comparison_id: str
    order: Order
    left: float
    right: float
    tie: float

    def choice(self) -> Choice:
        """The likeliest; a tie where two sides are exactly as likely."""
        if self.left == self.right and self.left >= self.tie:
            return "tie"
        best: Choice = max(("left", "right", "tie"), key=lambda option: float(getattr(self, option)))
        return best


@dataclass(frozen=True, slots=True)
class Row:
    """A question as tokens, ready for the model."""

    comparison_id: str
    order: Order
    ids: tuple[int, ...]


class Reader:
    """Turns comparisons into tokens: the model's chat template where it has one, and no more than `limit`."""

    def __init__(self, tokenizer: Any, instructions: str, limit: int) -> None:
        self.tokenizer = tokenizer
        self.instructions = instructions
        self.limit = limit
        self.before, self.after = template(tokenizer, LEAD)

    def rows(self, comparison: Comparison) -> list[Row]:
        """The question in both orders."""
        return [Row(comparison.id, order, self.tokens(ask.shown(comparison, order))) for order in ORDERS]

    def tokens(self, shown: Comparison) -> tuple[int, ...]:
        """What the model reads. Special tokens that stand in a text are read as plain characters."""
        text = f"{ask.question(self.instructions, shown)}\n\n{REQUEST}"
        return (*self.before, *self.encode(text), *self.after)

    def encode(self, text: str) -> list[int]:
        return plain_ids(self.tokenizer, text)

    def fit(self, comparison: Comparison) -> tuple[Comparison | None, str]:
        """The comparison with both responses cut at the same number of tokens, so that the question fits.

        Returns:
            (comparison, ""): it fits as it is. (cut, what was cut): both sides end at the same length, or the
            shorter one is whole. (None, why): the question alone leaves no room for answers.
        """
        full = max(len(row.ids) for row in self.rows(comparison))
        if full <= self.limit:
            return comparison, ""
        left, right = len(self.encode(comparison.left)), len(self.encode(comparison.right))
        excess, sizes = full - self.limit, (left, right)
        while True:
            cap = common_cap(left, right, left + right - excess)
            if cap < MIN_RESPONSE_TOKENS:
                return (
                    None,
                    f"not shown: without its answers it takes {full - left - right} of {self.limit} tokens",
                )
            cut = Comparison(
                comparison.id,
                comparison.prompt_id,
                comparison.turns,
                self.head(comparison.left, cap),
                self.head(comparison.right, cap),
            )
            over = max(len(row.ids) for row in self.rows(cut)) - self.limit
            if over <= 0:
                return cut, f"left {sizes[0]}, right {sizes[1]} tokens: cut at {cap}"
            excess += over

    def head(self, text: str, tokens: int) -> str:
        """The text's first tokens, and a word that the rest is missing; or the text, if that is all."""
        return first_tokens(self.tokenizer, text, tokens, CUT)


def common_cap(left: int, right: int, room: int) -> int:
    """The largest cap with min(left, cap) + min(right, cap) <= room."""
    short = min(left, right)
    return room - short if 2 * short <= room else room // 2


class Scorer:
    """The loaded model, and what it reads."""

    def __init__(self, params: LocalJudge, instructions: str) -> None:
        self.model, tokenizer, limit = load_judge(params)
        self.reader = Reader(tokenizer, instructions, limit)
        self.options = [single_token(tokenizer, letter, params.model) for letter in LETTERS.values()]

    def scores(self, rows: Sequence[Row]) -> list[OptionScores]:
        """The options' log-likelihoods for each row."""
        chosen = option_scores(self.model, [row.ids for row in rows], self.options)
        return [as_stored(row, *map(rounded, values)) for row, values in zip(rows, chosen, strict=True)]


def rounded(value: float) -> float:
    return round(value, 5)


def as_stored(row: Row, a: float, b: float, neither: float) -> OptionScores:
    """Scores of what was shown, said of the comparison as it is stored."""
    left, right = (a, b) if row.order == "forward" else (b, a)
    return OptionScores(row.comparison_id, row.order, left, right, neither)


def single_token(tokenizer: Any, letter: str, model: str) -> int:
    ids = tokenizer(letter, add_special_tokens=False).input_ids
    if len(ids) != 1:
        raise DataError(
            f"{model}: cannot judge: its tokenizer has no single token for {letter!r}; use another"
        )
    return int(ids[0])


def batches(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """The rows in batches of like length, the longest first, so that one too large for memory shows at once.

    The same rows make the same batches: a judge that is interrupted goes on as if it had not been.
    """
    order = sorted(rows, key=lambda row: (-len(row.ids), row.comparison_id, row.order))
    return [order[start : start + size] for start in range(0, len(order), size)]


def prepare(reader: Reader, comparisons: Sequence[Comparison]) -> tuple[list[Row], list[Dropped]]:
    """Every question in both orders, and what was cut. A comparison that cannot be shown at all has no rows."""
    rows: list[Row] = []
    cuts = []
    for comparison in comparisons:
        shown, detail = reader.fit(comparison)
        if shown:
            rows += reader.rows(shown)
        if detail:
            cuts.append(Dropped(comparison.id, "too_long_for_judge", detail))
    return rows, cuts


def verdicts_of(
    name: str, comparisons: Sequence[Comparison], scores: Sequence[OptionScores], cuts: Sequence[Dropped]
) -> list[Verdict]:
    """The likeliest option of each row, and no choice on comparisons that could not be shown."""
    verdicts = []
    for row in scores:
        choice = row.choice()
        letter = LETTERS[choice] if row.order == "forward" else LETTERS[MIRROR[choice] or choice]
        verdicts.append(Verdict(row.comparison_id, name, choice, row.order, LEAD + letter))
    unseen = {comparison.id for comparison in comparisons} - {row.comparison_id for row in scores}
    why = {cut.id: cut.detail for cut in cuts}
    verdicts += [Verdict(id, name, None, order, why[id]) for id in sorted(unseen) for order in ORDERS]
    return verdicts
