"""Answers from a causal language model, many at a time, as Section 4.1 samples them.

Logits pass through the repetition penalty of CTRL (Keskar et al. 2019), then temperature, then nucleus sampling
(Holtzman et al. 2019). The nucleus is exact: the largest 256 probabilities are enough for nearly every row, and
rows where they hold less than `top_p` are sorted whole. Each row draws from its own stream, so an answer does not
depend on which others share its batch (but for the last bits of the logits, which padding can move).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from handful.core.types import Finish

PREFILTER = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to draw. The fields are those of the recipe's [generate]."""

    temperature: float
    """0 takes the likeliest token."""
    top_p: float
    repetition_penalty: float
    penalty_scope: Literal["output", "all"]
    max_tokens: int
    limit: Literal["total", "new"]

    def room(self, prompt: int, context: int | None) -> int:
        """How many tokens may follow a prompt of so many, in a model of so long a context; at least one."""
        room = self.max_tokens - prompt if self.limit == "total" else self.max_tokens
        if context is not None:
            room = min(room, context - prompt)
        return max(1, room)


GREEDY = {"temperature": 0.0, "top_p": 1.0, "repetition_penalty": 1.0, "penalty_scope": "output"}


@dataclass(frozen=True, slots=True)
class Output:
    ids: list[int]
    """Without the token that ended it; with the stop string, where one did."""
    finish: Finish


@dataclass(slots=True)
class Row:
    """One answer while it grows."""

    index: int
    draws: random.Random
    room: int
    ids: list[int] = field(default_factory=list)
    finish: Finish | None = None


@torch.inference_mode()
def sample(
    model: Any,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    ends: Mapping[int, Finish],
    seeds: Sequence[int],
    stopped: Callable[[list[int]], bool] | None = None,
    advance: Callable[[float], None] = lambda tokens: None,
) -> list[Output]:
    """One answer a prompt, all in one batch, in the order of the prompts.

    Args:
        model: a `transformers` causal language model in eval mode.
        prompts: token ids, none empty.
        ends: ids of the tokens that end an answer -> what to call it ("eot", "eos").
        seeds: one a prompt.
        stopped: told an answer's ids after each token, whether a stop string is in it.
        advance: called with how many tokens each step made.
    """
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    rows = [
        Row(index, random.Random(seed), sampling.room(len(prompt), context))
        for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
    ]
    batch = Batch(model, prompts, sampling.penalty_scope)
    alive = rows
    while alive:
        scores = batch.scores()
        penalize(scores, batch.history, sampling.repetition_penalty)
        tokens = choose(scores, sampling, [row.draws for row in alive])
        for row, token in zip(alive, tokens, strict=True):
            _take(row, token, ends, stopped)
        advance(len(alive))
        going = [place for place, row in enumerate(alive) if row.finish is None]
        batch.step(tokens, going)
        alive = [alive[place] for place in going]
    return [Output(row.ids, row.finish or "length") for row in rows]


def _take(
    row: Row, token: int, ends: Mapping[int, Finish], stopped: Callable[[list[int]], bool] | None
) -> None:
    if token in ends:
        row.finish = ends[token]
        return
    row.ids.append(token)
    if stopped is not None and stopped(row.ids):
        row.finish = "stop"
    elif len(row.ids) >= row.room:
        row.finish = "length"


class Batch:
    """Rows that go through the model together: their cache, their mask, and what the penalty has seen of them."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], scope: Literal["output", "all"]) -> None:
        from transformers import DynamicCache

        self.model = model
        self.cache = DynamicCache(config=model.config)
        width = max(map(len, prompts))
        padded = [[prompt[0]] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        self.input = torch.tensor(padded, device=model.device)
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=model.device)
        places = torch.arange(width, device=model.device)
        self.mask = (places >= width - lengths[:, None]).long()
        self.position = (self.mask.cumsum(dim=1) - 1).clamp(min=0)
        # Padding repeats a row's own first token, so the penalty sees nothing in it that is not in the prompt.
        self.history = self.input if scope == "all" else self.input[:, :0]

    def scores(self) -> torch.Tensor:
        """The logits of the next token, float32[rows, vocabulary]."""
        out = self.model(
            input_ids=self.input,
            attention_mask=self.mask,
            position_ids=self.position,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        scores: torch.Tensor = out.logits[:, -1].float()
        return scores

    def step(self, tokens: Sequence[int], going: Sequence[int]) -> None:
        """Append each row's token, and drop the rows that are not `going` on."""
        self.input = torch.tensor(tokens, device=self.mask.device)[:, None]
        self.position = self.position[:, -1:] + 1
        self.mask = torch.cat([self.mask, torch.ones_like(self.input)], dim=1)
        self.history = torch.cat([self.history, self.input], dim=1)
        if going and len(going) < len(tokens):
            keep = torch.tensor(going, device=self.mask.device)
            self.input, self.position = self.input[keep], self.position[keep]
            self.mask, self.history = self.mask[keep], self.history[keep]
            self.cache.batch_select_indices(keep)


def penalize(scores: torch.Tensor, history: torch.Tensor, penalty: float) -> None:
    """CTRL's repetition penalty, in place: a token seen before has its logit divided by it, or multiplied if negative.

    Args:
        scores: float[rows, vocabulary]
        history: int[rows, seen], a row's tokens in any order, repeated or not
    """
    if penalty == 1.0 or history.shape[1] == 0:
        return
    seen = scores.gather(1, history)
    scores.scatter_(1, history, torch.where(seen > 0, seen / penalty, seen * penalty))


def choose(scores: torch.Tensor, sampling: Sampling, draws: Sequence[random.Random]) -> list[int]:
    """One token a row: the likeliest at temperature 0, else drawn from the nucleus with one number from each stream."""
    if sampling.temperature == 0:
        return [int(token) for token in scores.argmax(dim=1)]
    uniform = torch.tensor([stream.random() for stream in draws], dtype=torch.float64, device=scores.device)
    scores = scores / sampling.temperature
    top = scores.topk(min(PREFILTER, scores.shape[1]), dim=1)
    mass = (top.values - scores.logsumexp(dim=1, keepdim=True)).double().exp()
    tokens = _draw(mass, top.indices, sampling.top_p, uniform)
    for place in (mass.sum(dim=1) < sampling.top_p).nonzero()[:, 0].tolist():
        row = scores[place : place + 1].double().softmax(dim=1).sort(dim=1, descending=True)
        tokens[place] = _draw(row.values, row.indices, sampling.top_p, uniform[place : place + 1])[0]
    return [int(token) for token in tokens]


def _draw(mass: torch.Tensor, ids: torch.Tensor, top_p: float, uniform: torch.Tensor) -> torch.Tensor:
    """Draw from the smallest set of likeliest tokens that holds `top_p`, by inverting the cumulative sum.

    Args:
        mass: float64[rows, n], probabilities in falling order; ids: their tokens; uniform: float64[rows] in [0, 1).
    """
    total = mass.cumsum(dim=1)
    in_nucleus = total - mass < top_p
    nucleus = (mass * in_nucleus).sum(dim=1, keepdim=True)
    place = (total <= uniform[:, None] * nucleus).sum(dim=1, keepdim=True)
    place = place.minimum(in_nucleus.sum(dim=1, keepdim=True) - 1)
    return ids.gather(1, place)[:, 0]
