"""The training loop, on one page: what Section 3 does to a model, step by step.

AdamW on float32 master weights, always: at the paper's rate of 1e-5 a step moves a bfloat16 weight by less than its
spacing, and 98% of the weights would stay where they are. Products may be bfloat16, by autocast.

This file knows nothing of files, epochs' ends or dev sets: see course.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.recipe.training import Train
from handful.train.attention import packed_attention
from handful.train.loss import Head
from handful.train.masking import Document
from handful.train.packing import Pack, pack
from handful.train.schedule import Batch


class Step(msgspec.Struct, frozen=True):
    """A line of `steps.jsonl`: one optimizer step."""

    step: int
    epoch: int
    loss: float
    """Mean cross-entropy over the labelled tokens of the batch, with dropout on, before the update."""
    learning_rate: float
    grad_norm: float
    """Before clipping."""
    tokens: int


@dataclass(frozen=True, slots=True)
class Trainee:
    """A model on its device, ready to be trained."""

    model: Any
    head: Head
    optimizer: AdamW
    device: str
    dtype: torch.dtype
    """Of the arithmetic; the weights are float32."""


def steps(
    trainee: Trainee, documents: Sequence[Document], batches: Sequence[Batch], params: Train
) -> Iterator[Step]:
    """Take one optimizer step a batch, and yield its record after the update.

    Raises:
        DataError: the loss or the gradient is not finite. The weights are then those before the step.
    """
    model, optimizer = trainee.model, trainee.optimizer
    assert all(weight.dtype == torch.float32 for weight in model.parameters()), (
        "master weights must be float32"
    )
    for batch in batches:
        # Dropout depends on the seed and the step alone, so a resumed run needs no generator state.
        torch.manual_seed(rng_for(params.seed, "train", "dropout", str(batch.step)).getrandbits(63))
        for group in optimizer.param_groups:
            group["lr"] = batch.learning_rate
        chosen = [documents[place] for place in batch.places]
        labels = sum(document.labels for document in chosen)
        model.train()
        loss = 0.0
        with packed_attention(model):
            for part in pack(chosen, params.pack_tokens):
                part_loss = pack_loss(trainee, part, 1 / labels)
                loss += part_loss.item()
                part_loss.backward()  # type: ignore[no-untyped-call]
        norm = clip(model, params.max_grad_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise DataError(not_finite(batch, loss, norm, chosen))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens = sum(len(document.ids) for document in chosen)
        yield Step(batch.step, batch.epoch, loss, batch.learning_rate, norm, tokens)


def pack_loss(trainee: Trainee, part: Pack, scale: float) -> Tensor:
    """`scale` times the summed cross-entropy of a packed row."""
    with torch.autocast(trainee.device, dtype=torch.bfloat16, enabled=trainee.dtype == torch.bfloat16):
        hidden = trainee.model.base_model(
            input_ids=part.ids.to(trainee.device),
            position_ids=part.positions.to(trainee.device),
            use_cache=False,
            doc_ends=part.doc_ends,
        ).last_hidden_state[0]
    labelled = hidden.index_select(0, part.labelled.to(trainee.device))
    return trainee.head.loss(labelled, part.targets.to(trainee.device), scale, trainee.dtype)


def clip(model: nn.Module, limit: float) -> float:
    """Scale the gradient down to norm `limit`, unless that is 0. Returns the norm before."""
    weights = [weight for weight in model.parameters() if weight.grad is not None]
    norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    if limit and norm > limit:
        nn.utils.clip_grads_with_norm_(weights, limit, norm)
    return float(norm)


def adamw(model: nn.Module, params: Train) -> AdamW:
    """AdamW that decays matrices and embeddings, and leaves norms and biases alone (ours: the paper does not say)."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": params.weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    return AdamW(
        [group for group in groups if group["params"]],
        lr=params.learning_rate,
        betas=(params.beta1, params.beta2),
        eps=params.adam_epsilon,
        fused=True,
    )


def not_finite(batch: Batch, loss: float, norm: float, documents: Sequence[Document]) -> str:
    ids = ", ".join(document.id for document in documents)
    return (
        f"step {batch.step}: the loss is {loss} and the gradient's norm {norm}, so training stopped before this step; "
        f'its examples are {ids}; try a lower train.learning_rate, or train.precision = "float32"'
    )
