"""How the model does on the dev set after each epoch: its loss, and a few answers for people to read; and, before
training, what residual dropout does to it.

The paper chose its checkpoint by reading answers, because the loss rises while they get better (Appendix B).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

import msgspec
import torch

from handful.core.rng import rng_for
from handful.core.types import Finish, Prompt
from handful.models.layout import encode_prompt, end_ids
from handful.models.sampling import Sampling, sample
from handful.recipe.systems import Generate
from handful.recipe.training import Train
from handful.train.attention import packed_attention
from handful.train.loop import Trainee, pack_loss, seed_dropout
from handful.train.masking import Document

COSTLY = 0.5
"""Nats. Measured before training at the paper's 0.2: SmolLM2-135M 2.0, Gemma 3 270M 1.1."""


DRAWS = 4
"""One draw of the masks tells little: with SmolLM2-135M seven at 0.1 lay between 3.6 and 6.5."""
DRAWN_TOKENS = 4096
"""Of the examples of a draw, or one example."""


class Noisy(NamedTuple):
    """What residual dropout does to a loss."""

    loss: float
    plain: float
    spread: float
    draws: int
    tokens: int


class Epoch(msgspec.Struct, frozen=True):
    """A line of `epochs.jsonl`. Epoch 0 is the model before training."""

    epoch: int
    step: int
    dev_loss: float | None
    """Mean cross-entropy over the labelled tokens of the dev set, weighted as in training; None where there is no dev
    set."""
    dev_tokens: int
    """Labelled tokens in the dev set."""
    dropout_loss: float | None = None
    """Epoch 0 only: the loss with residual dropout on, the mean of some draws of its masks, over the first few thousand
    tokens of the dev set or, where there is none, of the first batch; None where there is no dropout."""
    dropout_plain: float | None = None
    """The loss of the same tokens without dropout."""
    dropout_spread: float | None = None
    """The standard deviation between draws."""
    dropout_draws: int = 0
    dropout_tokens: int = 0
    """Labelled tokens in each."""


class DevSample(msgspec.Struct, frozen=True):
    """A line of `dev_samples.jsonl`."""

    epoch: int
    prompt_id: str
    text: str
    finish: Finish


def evaluated(epoch: int, step: int, loss: float | None, tokens: int, noisy: Noisy | None) -> Epoch:
    if noisy is None:
        return Epoch(epoch, step, loss, tokens)
    return Epoch(epoch, step, loss, tokens, *noisy)


def dev_loss(trainee: Trainee, documents: Sequence[Document], pack_tokens: int) -> tuple[float | None, int]:
    """The mean loss over all labelled tokens, without dropout, and how many there are."""
    trainee.model.eval()
    labels = sum(document.labels for document in documents)
    if labels == 0:
        return None, 0
    return mean_loss(trainee, documents, pack_tokens), labels


def mean_loss(trainee: Trainee, documents: Sequence[Document], pack_tokens: int) -> float:
    """The loss of the documents as one batch, without gradients, in the mode that the model is in."""
    weight = sum(document.weight for document in documents)
    with torch.no_grad(), packed_attention(trainee.model):
        shares = trainee.ranks.shares(documents, pack_tokens)
        return trainee.ranks.total(
            sum(pack_loss(trainee, part, counts / weight).item() for part, counts in shares)
        )


def noisy_loss(trainee: Trainee, documents: Sequence[Document], params: Train) -> Noisy:
    """The loss of the first DRAWN_TOKENS of the documents under DRAWS draws of residual dropout, and without.

    Masks are drawn as those of steps 0, -1, -2 and so on, so that they are no training step's.
    """
    some = beginning(documents)
    trainee.model.eval()
    plain = mean_loss(trainee, some, params.pack_tokens)
    trainee.model.train()
    losses = []
    try:
        for draw in range(DRAWS):
            seed_dropout(params.seed, -draw, trainee.ranks)
            losses.append(mean_loss(trainee, some, params.pack_tokens))
    finally:
        trainee.model.eval()
    labels = sum(document.labels for document in some)
    return Noisy(mean(losses), plain, stdev(losses), len(losses), labels)


def beginning(documents: Sequence[Document]) -> list[Document]:
    """As many as DRAWN_TOKENS have room for, and up to the first that has something to learn in it."""
    found: list[Document] = []
    tokens = labels = 0
    for document in documents:
        tokens += len(document.ids)
        if labels and tokens > DRAWN_TOKENS:
            break
        found.append(document)
        labels += document.labels
    return found


def dropout_warning(found: Noisy, rate: float) -> str:
    """A line for people where dropout costs the untrained model more than COSTLY nats, or ""."""
    if found.loss - found.plain <= COSTLY:
        return ""
    return (
        f"  train.residual_dropout = {rate:g} raises the loss before training from {found.plain:.2f} to "
        f"{found.loss:.2f} (the mean of {found.draws} draws, which differ by {found.spread:.2f}): with models of 1B "
        "parameters and below the paper's rate was measured to hurt; compare with 0"
    )


def answers(
    trainee: Trainee, tokenizer: Any, eot_id: int, prompts: Sequence[Prompt], epoch: int, params: Train
) -> list[DevSample]:
    """One answer to each prompt, sampled as `generate` samples by default, of at most `dev_sample_tokens`."""
    if not prompts:
        return []
    trainee.model.eval()
    defaults = Generate()
    sampling = Sampling(
        temperature=defaults.temperature,
        top_p=defaults.top_p,
        repetition_penalty=defaults.repetition_penalty,
        penalty_scope=defaults.penalty_scope,
        max_tokens=params.dev_sample_tokens,
        limit="new",
    )
    ends: dict[int, Finish] = dict.fromkeys(end_ids(trainee.model), "eos")
    ends[eot_id] = "eot"
    outputs = sample(
        trainee.model,
        [encode_prompt(prompt.turns, tokenizer, eot_id) for prompt in prompts],
        sampling,
        ends,
        [rng_for(params.seed, "train", "dev_samples", str(epoch), p.id).getrandbits(63) for p in prompts],
    )
    return [
        DevSample(epoch, prompt.id, tokenizer.decode(output.ids, skip_special_tokens=True), output.finish)
        for prompt, output in zip(prompts, outputs, strict=True)
    ]
