"""A judge that is a causal language model on this machine: which option does it find likeliest?

Each option begins with a letter or a digit of its own, and the model's likelihood of that token after "Verdict:" is
its score. Letters rather than the options' sentences: each is one token, so no option gains by its length, and one
forward pass scores all. The model writes nothing, so there is nothing to misread. Or it does write (`writing`).

What this cannot mend: a small model may follow the letter rather than the answers. That is why both orders are
asked; `stats` shows how often the two agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from handful.core.types import Dropped, Task
from handful.judge import ask
from handful.judge.items import Item, Order, Said, sides
from handful.judge.tasks import WORDINGS
from handful.models.scoring import first_tokens, framed, load_judge, option_scores, plain_ids
from handful.recipe.judging import LocalJudge

LEAD = "Verdict:"
MIN_RESPONSE_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Row:
    """A question as tokens, ready for the model."""

    id: str
    task: Task
    order: Order
    ids: tuple[int, ...]


@dataclass(slots=True)
class Frame:
    """What stands around a task's question, and the token of each option."""

    before: list[int]
    after: list[int]
    options: list[int] = field(default_factory=list)


class Reader:
    """Turns items into tokens: the model's chat template where it has one, and no more than `limit`."""

    def __init__(
        self, tokenizer: Any, instructions: Mapping[Task, str], params: LocalJudge, limit: int
    ) -> None:
        self.tokenizer = tokenizer
        self.instructions = instructions
        self.params = params
        self.limit = limit
        self.frames: dict[Task, Frame] = {}

    def frame(self, task: Task) -> Frame:
        if task not in self.frames:
            letters = [option.letter for option in WORDINGS[task].options]
            self.frames[task] = Frame(*framed(self.tokenizer, LEAD, letters, self.params.model))
        return self.frames[task]

    def rows(self, item: Item) -> list[Row]:
        """The question in each of its orders."""
        return [Row(item.id, item.task, order, self.tokens(item, order)) for order in item.orders]

    def tokens(self, item: Item, order: Order) -> tuple[int, ...]:
        """What the model reads. Special tokens that stand in a text are read as plain characters."""
        frame = self.frame(item.task)
        return (*frame.before, *self.encode(self.text(item, order)), *frame.after)

    def text(self, item: Item, order: Order) -> str:
        asked = ask.question(self.instructions[item.task], item, order, self.params.mode)
        return f"{asked}\n\n{ask.lettered(item.task)}"

    def encode(self, text: str) -> list[int]:
        return plain_ids(self.tokenizer, text)

    def fit(self, item: Item) -> tuple[Item | None, str]:
        """The item with its texts cut at the same number of tokens, so that the question fits.

        Returns:
            (item, ""): it fits as it is. (cut, what was cut): both sides end at the same length, or the
            shorter one is whole. (None, why): the question alone leaves no room for answers.
        """
        full = max(len(row.ids) for row in self.rows(item))
        if full <= self.limit:
            return item, ""
        sizes = [len(self.encode(text)) for text in item.texts]
        excess = full - self.limit
        while True:
            cap = common_cap(sizes, sum(sizes) - excess)
            if cap < MIN_RESPONSE_TOKENS:
                return (
                    None,
                    f"not shown: without its answers it takes {full - sum(sizes)} of {self.limit} tokens",
                )
            cut = item.cut([self.head(text, cap) for text in item.texts])
            over = max(len(row.ids) for row in self.rows(cut)) - self.limit
            if over <= 0:
                told = ", ".join(f"{title} {size}" for title, size in zip(sides(item), sizes, strict=True))
                return cut, f"{told} tokens: cut at {cap}"
            excess += over

    def head(self, text: str, tokens: int) -> str:
        """The text's first tokens, and a word that the rest is missing; or the text, if that is all."""
        return first_tokens(self.tokenizer, text, tokens, ask.CUT)


def common_cap(sizes: Sequence[int], room: int) -> int:
    """The largest cap with the sum of min(size, cap) <= room, where not all fit."""
    if len(sizes) == 1:
        return room
    short = min(sizes)
    return room - short if 2 * short <= room else room // 2


class Scorer:
    """The loaded model, and what it reads."""

    def __init__(self, params: LocalJudge, instructions: Mapping[Task, str]) -> None:
        self.model, tokenizer, limit = load_judge(params)
        self.reader = Reader(tokenizer, instructions, params, limit)

    def answers(self, rows: Sequence[Row]) -> list[Said]:
        """The likeliest option of each row of one task, in one forward pass."""
        task = rows[0].task
        found = option_scores(self.model, [row.ids for row in rows], self.reader.frame(task).options)
        return [likeliest(row, values) for row, values in zip(rows, found, strict=True)]


def likeliest(row: Row, log_likelihoods: Sequence[float]) -> Said:
    """The option with the highest score; a tie where two sides are exactly as likely."""
    options = WORDINGS[row.task].options
    scores = {option.value: round(value, 5) for option, value in zip(options, log_likelihoods, strict=True)}
    best = max(options, key=lambda option: scores[option.value])
    if "tie" in scores and scores["left"] == scores["right"] >= scores["tie"]:
        best = next(option for option in options if option.value == "tie")
    return Said(row.id, row.order, best.value, f"{LEAD} {best.letter}", scores)


def batches(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Rows of one task and of like length together, the longest first, so that one too large for memory shows at once.

    The same rows make the same batches: a judge that is interrupted goes on as if it had not been.
    """
    places = list(WORDINGS)
    order = sorted(rows, key=lambda row: (places.index(row.task), -len(row.ids), row.id, row.order))
    made = []
    for _, group in groupby(order, key=lambda row: row.task):
        of_task = list(group)
        made += [of_task[start : start + size] for start in range(0, len(of_task), size)]
    return made


def prepare(reader: Reader, items: Sequence[Item]) -> tuple[list[Row], list[Dropped]]:
    """Every question in its orders, and what was cut. An item that cannot be shown at all has no rows."""
    rows: list[Row] = []
    cuts = []
    for item in items:
        shown, detail = reader.fit(item)
        if shown:
            rows += reader.rows(shown)
        if detail:
            cuts.append(Dropped(item.id, "too_long_for_judge", detail))
    return rows, cuts


def not_shown(items: Sequence[Item], rows: Sequence[Row], cuts: Sequence[Dropped]) -> list[Said]:
    """No choice on items that could not be shown."""
    shown = {row.id for row in rows}
    why = {cut.id: cut.detail for cut in cuts}
    return [Said(i.id, order, None, why[i.id]) for i in items if i.id not in shown for order in i.orders]
