"""A judge that is a causal language model on this machine: which option letter does it find likeliest?

The three options are lettered A, B and C, and the model's likelihood of each letter after "Verdict:" is its
score. Letters rather than the options' sentences: each is one token, so no option gains by its length, and one
forward pass scores all three. The model writes nothing, so there is nothing to misread.

What this cannot mend: a small model may follow the letter rather than the answers. That is why both orders are
asked; `stats` shows how often the two agree.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from handful.core.errors import DataError
from handful.core.types import MIRROR, Choice, Comparison, Dropped, Noun, Verdict
from handful.judge import ask
from handful.judge.ask import ORDERS, Order
from handful.models.load import compute_dtype, fast_float32, load_model, load_tokenizer, pick_device
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
HOLE = "HOLE"


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
        self.before, self.after = template(tokenizer)

    def rows(self, comparison: Comparison) -> list[Row]:
        """The question in both orders."""
        return [Row(comparison.id, order, self.tokens(ask.shown(comparison, order))) for order in ORDERS]

    def tokens(self, shown: Comparison) -> tuple[int, ...]:
        """What the model reads. Special tokens that stand in a text are read as plain characters."""
        text = f"{ask.question(self.instructions, shown)}\n\n{REQUEST}"
        return (*self.before, *self.encode(text), *self.after)

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
        return ids

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
        places = self.tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
        ).offset_mapping
        return text if len(places) <= tokens else text[: places[tokens - 1][1]] + CUT


def common_cap(left: int, right: int, room: int) -> int:
    """The largest cap with min(left, cap) + min(right, cap) <= room."""
    short = min(left, right)
    return room - short if 2 * short <= room else room // 2


def template(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The tokens before and after the question: the chat template's, and the words that the verdict follows."""
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": HOLE}]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        before, _, after = text.partition(HOLE)
        return tokenizer(before, add_special_tokens=False).input_ids, tokenizer(
            after + LEAD, add_special_tokens=False
        ).input_ids
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return start, tokenizer(f"\n\n{LEAD}", add_special_tokens=False).input_ids


class Float32Head(torch.nn.Module):
    """A model's last layer in float32: bfloat16 logits come in steps of 1/8, which makes ties of small margins."""

    def __init__(self, head: torch.nn.Module) -> None:
        super().__init__()
        self.head = copy.deepcopy(head).float()  # a copy: the input embedding may be the same tensor

    def forward(self, hidden: torch.Tensor) -> Any:
        return self.head(hidden.float())


class Scorer:
    """The loaded model: float32 on a CPU, so that scores do not depend on the batch; what is fast on a GPU."""

    def __init__(self, params: LocalJudge, instructions: str) -> None:
        device = pick_device(params.device)
        dtype = torch.float32 if device == "cpu" else compute_dtype("auto", device)
        fast_float32()
        self.model = load_model(params.model, device, dtype)
        if dtype != torch.float32:
            self.model.set_output_embeddings(Float32Head(self.model.get_output_embeddings()))
        tokenizer = load_tokenizer(params.model)
        places = getattr(self.model.config.get_text_config(), "max_position_embeddings", params.max_tokens)
        self.reader = Reader(tokenizer, instructions, min(params.max_tokens, places))
        self.options = [single_token(tokenizer, letter, params.model) for letter in LETTERS.values()]

    @torch.inference_mode()
    def scores(self, rows: Sequence[Row]) -> list[OptionScores]:
        """The options' log-likelihoods for each row: one forward pass, logits at the last place only."""
        longest = max(len(row.ids) for row in rows)
        padding = [longest - len(row.ids) for row in rows]
        ids = torch.tensor([[0] * pad + list(row.ids) for pad, row in zip(padding, rows, strict=True)])
        mask = torch.tensor([[0] * pad + [1] * (longest - pad) for pad in padding])
        logits = self.model(
            input_ids=ids.to(self.model.device),
            attention_mask=mask.to(self.model.device),
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0).to(self.model.device),
            use_cache=False,
            logits_to_keep=1,
        ).logits[:, -1]
        chosen = logits.float().log_softmax(-1)[:, self.options].tolist()
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
