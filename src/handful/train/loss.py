"""Cross-entropy of the next token, at labelled positions only, without ever holding all logits.

The logits of 2,048 tokens over 262,144 words would take 2 GB in float32, and as much again for their gradient. Here
they are made a few rows at a time; loss and gradients come out of the same visit, so nothing is kept and nothing
is computed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from handful.core.errors import DataError

CHUNK_LOGITS = 2**27
"""Logits held at a time: 512 MB in float32."""

ALIGNMENT = 64
"""The vocabulary is padded to a multiple of this for the products: with one token more than 262,144, the product that
gives the gradient of the hidden states took 1.8 times as long."""

PROBE_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Head:
    """What turns hidden states into logits: softcap(h W^T + b)."""

    weight: Tensor
    """(vocabulary, size)"""
    bias: Tensor | None = None
    softcap: float | None = None
    """Logits z become softcap * tanh(z / softcap)."""
    row: Tensor | None = None
    """(1, size), a parameter that stands for row `row_id` of a frozen weight (see lora); else the weight is trained."""
    row_id: int = -1

    def loss(
        self,
        hidden: Tensor,
        targets: Tensor,
        scale: float,
        dtype: torch.dtype,
        weights: Tensor | None = None,
    ) -> Tensor:
        """`scale` times the summed cross-entropy, as a float32 scalar.

        Args:
            hidden: (rows, size).
            targets: (rows,), the id that each row is to predict.
            scale: one over the weight of the labelled tokens of the whole optimizer batch, so that packs add up to
                its mean.
            dtype: of the three matrix products; all else is float32.
            weights: (rows,), what each row counts in the sum; None for 1 each.
        """
        if self.row is not None:
            with torch.no_grad():
                self.weight[self.row_id] = self.row[0].to(self.weight)
        result: Tensor = ChunkedLoss.apply(  # type: ignore[no-untyped-call]
            hidden,
            self.weight,
            self.bias,
            targets,
            weights,
            scale,
            self.softcap,
            dtype,
            torch.is_grad_enabled(),
            self.row,
            self.row_id,
        )
        return result


class ChunkedLoss(torch.autograd.Function):
    """Loss and gradients in one pass over the rows, a chunk at a time."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        weights: Tensor | None,
        scale: float,
        softcap: float | None,
        dtype: torch.dtype,
        with_gradients: bool,
        row: Tensor | None,
        row_id: int,
    ) -> Tensor:
        words = len(weight)
        h, w = hidden.to(dtype), padded(weight, dtype)
        b = None if bias is None else bias.float()
        d_hidden = torch.empty_like(hidden) if with_gradients else None
        d_weight: Tensor | None = None
        d_row = torch.zeros_like(row) if with_gradients and row is not None else None
        d_bias = torch.zeros_like(b) if with_gradients and b is not None else None
        loss = torch.zeros((), dtype=torch.float64, device=hidden.device)
        rows = max(1, CHUNK_LOGITS // words)
        for start in range(0, len(hidden), rows):
            chunk = slice(start, start + rows)
            logits = (h[chunk] @ w.T).float()
            if b is not None:
                logits[:, :words] += b
            counts = None if weights is None else weights[chunk]
            part, d_logits = cross_entropy(
                logits, targets[chunk], counts, words, scale, softcap, with_gradients
            )
            loss += part
            if d_logits is None or d_hidden is None:
                continue
            if d_bias is not None:
                d_bias += d_logits[:, :words].sum(0)
            d_logits = d_logits.to(dtype)
            d_hidden[chunk] = (d_logits @ w).to(hidden.dtype)
            if d_row is not None:
                d_row += d_logits[:, row_id : row_id + 1].T @ h[chunk]
            if not ctx.needs_input_grad[1]:
                continue
            product = (d_logits.T @ h[chunk])[:words]
            d_weight = product.to(weight.dtype) if d_weight is None else d_weight.add_(product)
        ctx.save_for_backward(d_hidden, d_weight, d_bias, d_row)
        return (loss * scale).float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        factor = grad.item()
        found = [None if d is None else d if factor == 1.0 else d * factor for d in ctx.saved_tensors]
        return (*found[:3], None, None, None, None, None, None, found[3], None)


def padded(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """The weight in `dtype`, with rows of zeros up to a multiple of ALIGNMENT."""
    words, size = weight.shape
    if words % ALIGNMENT == 0:
        return weight.to(dtype)
    copy = weight.new_zeros(-(-words // ALIGNMENT) * ALIGNMENT, size, dtype=dtype)
    copy[:words] = weight
    return copy


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    counts: Tensor | None,
    words: int,
    scale: float,
    softcap: float | None,
    with_gradients: bool,
) -> tuple[Tensor, Tensor | None]:
    """The summed loss (float64) and `scale` times its gradient; overwrites `logits`, (rows, padded words) float32.

    `counts`, (rows,), weighs the rows; None weighs them alike, with the bits of a plain sum.

    Columns from `words` on are padding and get no probability. Written out with logsumexp: torch's own cross_entropy
    in float32 is off by 1e-5 over large vocabularies on a CPU.
    """
    slope = None
    if softcap is not None:
        squashed = logits.div_(softcap).tanh_()
        slope = 1 - squashed.square() if with_gradients else None
        logits = squashed.mul_(softcap)
    logits[:, words:] = float("-inf")
    target = logits.gather(1, targets[:, None])
    top = logits.amax(dim=1, keepdim=True)
    weights = logits.sub_(top).exp_()
    total = weights.sum(dim=1, keepdim=True)
    each = (total.log() + top - target).double()
    share = torch.full_like(target, scale)
    if counts is not None:
        each *= counts[:, None]
        share *= counts[:, None]
    if not with_gradients:
        return each.sum(), None
    gradient = weights.mul_(share / total).scatter_add_(1, targets[:, None], -share)
    return each.sum(), gradient if slope is None else gradient.mul_(slope)


def head_of(model: Any, prove: bool = True) -> Head:
    """The model's head, proved on three tokens to give the model's own logits; unless the model has no weights here.

    Raises:
        DataError: it does not; the architecture does something to its logits that is not known here.
    """
    layer = model.get_output_embeddings()
    if not isinstance(layer, nn.Linear):
        raise DataError(f"{type(model).__name__}: has no linear head, so it is not a causal language model")
    head = Head(layer.weight, layer.bias, getattr(model.config, "final_logit_softcapping", None))
    if prove:
        prove_head(model, head)
    return head


def prove_head(model: Any, head: Head) -> None:
    device = head.weight.device
    ids = torch.tensor([[1, 2, 3]], device=device)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        expected = model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(dim=1)
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
        chosen = expected.argmin(dim=1)  # unlikely words: there a wrong scale shows most
        ours = [
            head.loss(h[None], c[None], 1.0, torch.float32).item()
            for h, c in zip(hidden, chosen, strict=True)
        ]
    model.train(was_training)
    theirs = [-row[c].item() for row, c in zip(expected, chosen, strict=True)]
    if not all(abs(a - b) <= PROBE_TOLERANCE * abs(b) for a, b in zip(ours, theirs, strict=True)):
        raise DataError(
            f"{type(model).__name__}: its logits are not softcap(h W^T + b); it cannot be trained here"
        )
