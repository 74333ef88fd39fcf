"""Where each token of a text stands among all that a model might have written there: its rank, its probability.

The text is fixed, whoever wrote it; the model only reads. So two models can be compared token by token in one and the
same context (URIAL, Lin et al. 2023, Section 2). What ranks mean is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

LOGITS_AT_ONCE = 2**26
"""Numbers: 256 MB in float32. A vocabulary of 262,144 then takes 256 places at a time."""


@dataclass(frozen=True, slots=True)
class Read:
    """A context, and the tokens that follow it."""

    context: Sequence[int]
    tokens: Sequence[int]


@dataclass(frozen=True, slots=True)
class Place:
    """How a model finds one token where it stands."""

    rank: int
    """1 + how many tokens the model finds more probable. Equals share the better rank."""
    probability: float
    best: int
    """The token that it finds most probable; of equals the one with the lowest id."""


@torch.inference_mode()
def token_places(
    model: Any,
    reads: Sequence[Read],
    known: int,
    advance: Callable[[float], None] = lambda count: None,
    at_once: int = LOGITS_AT_ONCE,
) -> list[list[Place]]:
    """The place of every token of every text, in one batch.

    The model reads a few columns at a time, so that logits over a large vocabulary fit. Contexts are padded on the
    left and texts on the right: neither is ever looked at.

    Args:
        model: a `transformers` causal language model in eval mode.
        reads: each with a context of at least one token.
        known: tokens from this id on are padding of the embedding, and take part in nothing.
        advance: called with how many tokens were placed.
        at_once: logits to hold at a time, at least those of one column.

    Returns:
        A list a read, as long as its tokens.
    """
    sheet = Sheet(model, reads)
    found: list[list[Place]] = [[] for _ in reads]
    columns = max(1, at_once // (len(reads) * known))
    # What comes out at a column is about the token after it: the context's last column is the first to keep.
    spans = [(-sheet.width, 0)]
    spans += [(at, min(at + columns, sheet.length - 1)) for at in range(0, sheet.length - 1, columns)]
    for start, end in spans if sheet.length else []:
        first = max(start + 1, 0)
        logits = sheet.logits(start, end, end + 1 - first)[:, :, :known]
        placed = places(logits, sheet.tokens(first, end + 1))
        count = 0
        for row, read, new in zip(found, reads, placed, strict=True):
            row += new[: max(len(read.tokens) - first, 0)]
            count += min(max(len(read.tokens) - first, 0), len(new))
        advance(count)
    return found


class Sheet:
    """Texts side by side, each beginning at column 0; contexts lie left of it."""

    def __init__(self, model: Any, reads: Sequence[Read]) -> None:
        from transformers import DynamicCache

        self.model = model
        self.cache = DynamicCache(config=model.config)
        self.width = max(len(read.context) for read in reads)
        self.length = max(len(read.tokens) for read in reads)
        rows = [self._row(read) for read in reads]
        self.ids = torch.tensor(rows, device=model.device)
        left = torch.tensor([self.width - len(read.context) for read in reads], device=model.device)
        self.mask = (torch.arange(self.ids.shape[1], device=model.device) >= left[:, None]).long()
        self.positions = (self.mask.cumsum(dim=1) - 1).clamp(min=0)

    def _row(self, read: Read) -> list[int]:
        filler = read.context[0]
        left, right = self.width - len(read.context), self.length - len(read.tokens)
        return [*[filler] * left, *read.context, *read.tokens, *[filler] * right]

    def tokens(self, start: int, end: int) -> torch.Tensor:
        """int[rows, end - start]"""
        return self.ids[:, self.width + start : self.width + end]

    def logits(self, start: int, end: int, keep: int) -> torch.Tensor:
        """Let the model read columns `start` to `end`, which follow those it has read.

        Returns:
            Of the last `keep` of them, float32[rows, keep, vocabulary].
        """
        start, end = self.width + start, self.width + end
        out = self.model(
            input_ids=self.ids[:, start:end],
            attention_mask=self.mask[:, :end],
            position_ids=self.positions[:, start:end],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        logits: torch.Tensor = out.logits.float()
        return logits


def places(logits: torch.Tensor, tokens: torch.Tensor) -> list[list[Place]]:
    """Where tokens stand in the logits of their places.

    Args:
        logits: float32[rows, columns, vocabulary].
        tokens: int[rows, columns].
    """
    own = logits.gather(2, tokens[:, :, None])
    ranks = ((logits > own).sum(dim=2) + 1).tolist()
    probabilities = (own[:, :, 0] - logits.logsumexp(dim=2)).exp().tolist()
    best = logits.argmax(dim=2).tolist()
    return [
        [Place(*values) for values in zip(*row, strict=True)]
        for row in zip(ranks, probabilities, best, strict=True)
    ]
