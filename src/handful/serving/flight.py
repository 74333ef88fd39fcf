"""Answers under way together: others may come aboard between two tokens, and leave as they end.

Each row keeps its own stream, sampling and penalty, so that an answer is that of `models.sampling.sample` with the
same seed, whoever travels with it (but for the last bits of the logits, which padding can move).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.functional import pad
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from handful.core.types import Finish
from handful.models.sampling import Batch, Sampling, choose, penalize
from handful.serving.text import Reader


@dataclass(eq=False, slots=True)
class Row:
    """One answer while it grows."""

    prompt: Sequence[int]
    sampling: Sampling
    draws: random.Random
    room: int
    """Tokens that it may have."""
    reader: Reader
    tell: Callable[[str, Finish | None], None]
    """Told each new piece of text, and at last why the answer ended."""
    cancelled: Callable[[], bool] = lambda: False
    seen: torch.Tensor = field(default_factory=lambda: torch.empty(1, 0, dtype=torch.long))
    """int[1, n]: the tokens that the penalty counts."""
    made: int = 0
    finish: Finish | None = None

    def take(self, token: int, ends: Mapping[int, Finish]) -> None:
        """Add a token, or end at it."""
        text = ""
        if token in ends:
            self.finish = ends[token]
        else:
            self.made += 1
            self.seen = torch.cat([self.seen, self.seen.new_tensor([[token]])], dim=1)
            text = self.reader.push(token)
            if self.reader.stopped:
                self.finish = "stop"
            elif self.made >= self.room:
                self.finish = "length"
        if self.finish is not None:
            text += self.reader.end()
            if self.reader.stopped:  # the stop string was whole only with what had been held back
                self.finish = "stop"
        if text or self.finish is not None:
            self.tell(text, self.finish)


class Flight:
    """The rows that go through the model together, a token at a time."""

    def __init__(self, model: Any, ends: Mapping[int, Finish]) -> None:
        self.model = model
        self.ends = ends
        self.rows: list[Row] = []
        self.batch: Batch | None = None

    @torch.inference_mode()
    def read(self, rows: Sequence[Row]) -> tuple[Batch, list[Row]]:
        """Read the prompts of `rows` and make the first token of each. What goes wrong here touches nobody aboard.

        Returns:
            What `board` takes: their batch, and those that go on.
        """
        for row in rows:
            counted = row.prompt if row.sampling.penalty_scope == "all" else []
            row.seen = torch.tensor([list(counted)], dtype=torch.long, device=self.model.device)
        batch = Batch(self.model, [row.prompt for row in rows], "output")
        return batch, advance(batch, rows, self.ends)

    @torch.inference_mode()
    def board(self, batch: Batch, rows: Sequence[Row]) -> None:
        """Let rows that were read travel with the others."""
        if not rows:
            return
        if self.batch is None:
            self.batch = batch
        else:
            join(self.batch, batch)
        self.rows += rows

    @property
    def open(self) -> bool:
        """Whether others can come aboard now: always where the cache is keys and values, else while it is empty."""
        return self.batch is None or joinable(self.batch)

    @torch.inference_mode()
    def step(self) -> None:
        """One more token for each row. Rows that were cancelled leave first, untold."""
        assert self.batch is not None
        staying = [place for place, row in enumerate(self.rows) if not row.cancelled()]
        if len(staying) < len(self.rows):
            self.rows = [self.rows[place] for place in staying]
            if staying:
                select(self.batch, staying)
        if self.rows:
            self.rows = advance(self.batch, self.rows, self.ends)
        if not self.rows:
            self.batch = None
        elif joinable(self.batch):
            trim(self.batch)


def advance(batch: Batch, rows: Sequence[Row], ends: Mapping[int, Finish]) -> list[Row]:
    """A token for each row; those that go on."""
    scores = batch.scores()
    for place, row in enumerate(rows):
        penalize(scores[place : place + 1], row.seen, row.sampling.repetition_penalty)
    tokens = choose_each(scores, rows)
    for row, token in zip(rows, tokens, strict=True):
        row.take(token, ends)
    going = [place for place, row in enumerate(rows) if row.finish is None]
    batch.step(tokens, going)
    batch.history = batch.history[:, :0]  # rows keep what the penalty counts themselves
    return [rows[place] for place in going]


def choose_each(scores: torch.Tensor, rows: Sequence[Row]) -> list[int]:
    """One token a row, rows of the same temperature and nucleus together."""
    alike: dict[tuple[float, float], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        alike[row.sampling.temperature, row.sampling.top_p].append(place)
    tokens = [0] * len(rows)
    for places in alike.values():
        first = rows[places[0]]
        part = scores if len(places) == len(rows) else scores[torch.tensor(places, device=scores.device)]
        for place, token in zip(
            places, choose(part, first.sampling, [rows[p].draws for p in places]), strict=True
        ):
            tokens[place] = token
    return tokens


# --- batches that grow and shrink; both have made their last token and not yet read it


def joinable(batch: Batch) -> bool:
    """Whether every layer keeps keys and values alone. Layers with another state cannot be padded."""
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in batch.cache.layers)


def layers(batch: Any) -> list[Any]:
    """The layers that hold keys, as [rows, heads, tokens, size]; those that borrow another's hold none."""
    held: list[Any] = batch.cache.layers
    return [layer for layer in held if layer.is_initialized]


def join(batch: Batch, other: Batch) -> None:
    """Append the rows of `other` to `batch`, the shorter padded on the left as prompts are."""
    width = max(batch.mask.shape[1], other.mask.shape[1])
    batch.mask, other.mask = (pad(each.mask, (width - each.mask.shape[1], 0)) for each in (batch, other))
    for name in ("mask", "input", "position"):
        setattr(batch, name, torch.cat([getattr(batch, name), getattr(other, name)]))
    batch.history = batch.input[:, :0]
    for mine, theirs in zip(layers(batch), layers(other), strict=True):
        keys = max(mine.keys.shape[2], theirs.keys.shape[2])
        for name in ("keys", "values"):
            parts = [getattr(layer, name) for layer in (mine, theirs)]
            setattr(mine, name, torch.cat([pad(part, (0, 0, keys - part.shape[2], 0)) for part in parts]))
        if mine.is_sliding:
            mine.cumulative_length = max(mine.cumulative_length, theirs.cumulative_length)


def select(batch: Batch, places: Sequence[int]) -> None:
    """Keep only the rows at `places`."""
    keep = torch.tensor(places, device=batch.mask.device)
    for name in ("mask", "input", "position", "history"):
        setattr(batch, name, getattr(batch, name)[keep])
    batch.cache.batch_select_indices(keep)


def trim(batch: Batch) -> None:
    """Drop the columns on the left that are padding in every row. Without it, a batch that never empties would grow
    for ever."""
    cut = int((batch.mask.any(dim=0).logical_not()).long().cumprod(dim=0).sum())
    if not cut:
        return
    batch.mask = batch.mask[:, cut:]
    for layer in layers(batch):
        kept = layer.keys.shape[2] - cut
        if layer.is_sliding:
            layer.cumulative_length -= cut
            kept = min(layer.keys.shape[2], layer.cumulative_length)
        first = layer.keys.shape[2] - kept
        layer.keys, layer.values = layer.keys[:, :, first:], layer.values[:, :, first:]
