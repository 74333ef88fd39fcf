"""How the model does on the dev set after each epoch: its loss, and a few answers for people to read; and, before
training, what residual dropout does to it.

The paper chose its checkpoint by reading answers, because the loss rises while they get better (Appendix B).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import torch

from handful.core.rng import rng_for
from handful.core.types import Finish, Prompt
from handful.models.layout import encode_prompt, end_ids
from handful.models.sampling import Sampling, sample
from handful.recipe.evaluation import Generate
from handful.recipe.training import Train
from handful.train.attention import packed_attention
from handful.train.loop import Trainee, pack_loss, seed_dropout
from handful.train.masking import Document

COSTLY = 0.5
"""Nats. Measured before training at the paper's 0.2: SmolLM2-135M 2.0, Gemma 3 270M 1.1."""


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
    """Epoch 0 only: `dev_loss` with residual dropout on, or where there is no dev set, that of the first batch; None
    where there is no dropout."""


class DevSample(msgspec.Struct, frozen=True):
    """A line of `dev_samples.jsonl`."""

    epoch: int
    prompt_id: str
    text: str
    finish: Finish


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


def noisy_loss(trainee: Trainee, documents: Sequence[Document], params: Train) -> float:
    """`mean_loss` with residual dropout on, its masks drawn as those of a step 0."""
    seed_dropout(params.seed, 0, trainee.ranks)
    trainee.model.train()
    try:
        return mean_loss(trainee, documents, params.pack_tokens)
    finally:
        trainee.model.eval()


def dropout_warning(plain: float, noisy: float, rate: float) -> str:
    """A line for people where dropout costs the untrained model more than COSTLY nats, or ""."""
    if noisy - plain <= COSTLY:
        return ""
    return (
        f"  train.residual_dropout = {rate:g} raises the loss before training from {plain:.2f} to {noisy:.2f}: with "
        "models of 1B parameters and below the paper's rate was measured to hurt; compare with 0"
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
