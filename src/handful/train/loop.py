"""The training loop, on one page: what Section 3 does to a model, step by step.

AdamW on float32 master weights, always: at the paper's rate of 1e-5 a step moves a bfloat16 weight by less than its
spacing, and 98% of the weights would stay where they are. Products may be bfloat16, by autocast.

This file knows nothing of files, epochs' ends or dev sets: see course.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.recipe.training import Train
from handful.train.attention import packed_attention
from handful.train.distributed import ALONE, Ranks, Sharded, local, run_inside, whole_norm
from handful.train.heap import memory_kept
from handful.train.lora import with_row
from handful.train.loss import Head
from handful.train.masking import Document
from handful.train.packing import Pack
from handful.train.schedule import Batch

CLIP_EPSILON = 1e-6
"""As torch's own clipping has it."""


class Step(msgspec.Struct, frozen=True):
    """A line of `steps.jsonl`: one optimizer step."""

    step: int
    epoch: int
    loss: float
    """Mean cross-entropy over the labelled tokens of the batch, weighted, with dropout on, before the update."""
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
    ranks: Ranks = ALONE
    """The processes that train it together."""
    root: Sharded | None = None
    """Where they are many: what puts the weights together."""

    def head_now(self) -> Head:
        """The head with its weights of this moment: with many processes they are whole only inside `root`."""
        if self.root is None:
            return self.head
        layer = self.model.get_output_embeddings()
        head = replace(self.head, weight=layer.weight, bias=layer.bias)
        return head if head.row is None else with_row(head, self.model)


def steps(
    trainee: Trainee, documents: Sequence[Document], batches: Sequence[Batch], params: Train
) -> Iterator[Step]:
    """Take one optimizer step a batch, and yield its record after the update.

    Raises:
        DataError: the loss or the gradient is not finite. The weights are then those before the step.
    """
    assert all(weight.dtype == torch.float32 for weight in trainee.model.parameters()), (
        "master weights must be float32"
    )
    held = not params.gradient_checkpointing  # who asks for that has little memory
    with memory_kept(trainee.device) if held else nullcontext() as close_gaps:
        for batch in batches:
            step = one_step(trainee, documents, batch, params)
            if close_gaps:
                close_gaps()
            yield step


def one_step(trainee: Trainee, documents: Sequence[Document], batch: Batch, params: Train) -> Step:
    model, optimizer, ranks = trainee.model, trainee.optimizer, trainee.ranks
    seed_dropout(params.seed, batch.step, ranks)
    for group in optimizer.param_groups:
        group["lr"] = batch.learning_rate
    chosen = [documents[place] for place in batch.places]
    weight = sum(document.weight for document in chosen)
    model.train()
    loss = 0.0
    with packed_attention(model):
        for part, counts in ranks.shares(chosen, params.pack_tokens):
            part_loss = pack_loss(trainee, part, counts / weight)
            loss += part_loss.item()
            part_loss.backward()  # type: ignore[no-untyped-call]
    loss = ranks.total(loss)
    norm = clip(model, params.max_grad_norm, ranks)
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise DataError(not_finite(batch, loss, norm, chosen))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    tokens = sum(len(document.ids) for document in chosen)
    return Step(batch.step, batch.epoch, loss, batch.learning_rate, norm, tokens)


def seed_dropout(seed: int, step: int, ranks: Ranks) -> None:
    """Masks follow from the seed, the step and the process alone, so a resumed run needs no generator's state."""
    place = () if ranks.size == 1 else (str(ranks.rank),)
    torch.manual_seed(rng_for(seed, "train", "dropout", str(step), *place).getrandbits(63))


def pack_loss(trainee: Trainee, part: Pack, scale: float) -> Tensor:
    """`scale` times the summed cross-entropy of a packed row, each label at its weight.

    With many processes, all call it at the same time, each with a row of its own.
    """
    return run_inside(trainee.root, lambda: own_pack_loss(trainee, part, scale))


def own_pack_loss(trainee: Trainee, part: Pack, scale: float) -> Tensor:
    with torch.autocast(
        trainee.device,
        dtype=torch.bfloat16,
        enabled=trainee.dtype == torch.bfloat16,
        cache_enabled=False,  # each weight is cast once a pass; kept, the casts would fill what sharding has spared
    ):
        hidden = trainee.model.base_model(
            input_ids=part.ids.to(trainee.device),
            position_ids=part.positions.to(trainee.device),
            use_cache=False,
            doc_ends=part.doc_ends,
        ).last_hidden_state[0]
    labelled = hidden.index_select(0, part.labelled.to(trainee.device))
    weights = None if part.weights is None else part.weights.to(trainee.device)
    head = trainee.head_now()
    return head.loss(labelled, part.targets.to(trainee.device), scale, trainee.dtype, weights)


def clip(model: nn.Module, limit: float, ranks: Ranks = ALONE) -> float:
    """Scale the gradient down to norm `limit`, unless that is 0. Returns the norm before."""
    gradients = [local(weight.grad) for weight in model.parameters() if weight.grad is not None]
    norm = whole_norm(nn.utils.get_total_norm(gradients), ranks)
    if limit and norm > limit:
        scale = torch.clamp(limit / (norm + CLIP_EPSILON), max=1.0)
        torch._foreach_mul_(gradients, scale)
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
