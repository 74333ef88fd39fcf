"""Attention inside packed rows: each document of a row sees itself only, causally, and no mask is ever built.

Registered with transformers as "per_document". It needs one row a forward pass and the keyword `doc_ends`, which
transformers hands from the model's call through to here. One causal call a document does less work than one call
with a block mask over the row, and on a CPU is twice as fast.

What it cannot do exactly it refuses: attention dropout, attention sinks, chunked or bidirectional layers. Models
that carry anything else from token to token (state space layers, say) are caught by `prove_packing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface

from handful.core.errors import DataError
from handful.train.causal import causal_attention

NAME = "per_document"

HARMLESS = {
    "position_ids",
    "use_cache",
    "cache_position",
    "position_embeddings",
    "output_attentions",
    "return_dict",
}
"""Keywords of transformers that change nothing here."""

PROBE_TOLERANCE = 1e-3
"""Relative. Rounding moves hidden states by about 1e-6; a leak between documents by about 1."""


def packed_sdpa(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    doc_ends: Sequence[int] | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each document of a packed row.

    Args:
        query: (1, heads, tokens, size); `key` and `value` alike, with as many heads or a divisor of that.
        sliding_window: a token sees itself and the `sliding_window` - 1 tokens before it.
        softcap: scores s become softcap * tanh(s / softcap).
        doc_ends: where each document ends, exclusive and rising; the last is `tokens`.

    Returns:
        (1, tokens, heads, size), as transformers wants it.

    Raises:
        DataError: the model asks for something that this function does not do.
    """
    _check(module, query, attention_mask, dropout, sliding_window, others)
    if doc_ends is None:
        raise DataError(
            f"{_name(module)}: does not hand doc_ends on to its attention, so examples cannot be packed"
        )
    groups = query.shape[1] // key.shape[1]
    ours = by_blocks(query, softcap)
    if groups > 1 and not ours:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    parts = []
    for start, end in pairwise((0, *doc_ends)):
        q, k, v = (x[:, :, start:end] for x in (query, key, value))
        if ours:
            parts.append(causal_attention(q, k, v, scaling, sliding_window))
        elif softcap is not None:
            parts.append(_softcapped(q, k, v, scaling, sliding_window, softcap))
        elif sliding_window is not None and end - start > sliding_window:
            band = _band(end - start, sliding_window, q.device)
            parts.append(F.scaled_dot_product_attention(q, k, v, attn_mask=band, scale=scaling))
        else:
            parts.append(F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling))
    return torch.cat(parts, dim=2).transpose(1, 2), None


def by_blocks(query: Tensor, softcap: float | None) -> bool:
    """Whether our own attention does it; else torch's, whose kernels for GPUs are fast."""
    return query.device.type == "cpu" and softcap is None


def _check(
    module: nn.Module,
    query: Tensor,
    attention_mask: Tensor | None,
    dropout: float,
    sliding_window: int | None,
    others: dict[str, Any],
) -> None:
    name = _name(module)
    unknown = [
        key
        for key, value in others.items()
        if key not in HARMLESS and value is not None and value is not False
    ]
    kinds = getattr(getattr(module, "config", None), "layer_types", None)
    kind = kinds[module.layer_idx] if kinds and isinstance(getattr(module, "layer_idx", None), int) else ""
    if query.shape[0] != 1 or attention_mask is not None:
        raise AssertionError("packed attention takes one row and no mask")
    if dropout:
        raise DataError(f"{name}: uses dropout of attention weights, which the packed attention does not do")
    if unknown:
        raise DataError(f"{name}: passes {', '.join(unknown)}, which the packed attention does not do")
    if not getattr(module, "is_causal", True):
        raise DataError(f"{name}: its attention is not causal")
    if kind not in ("", "full_attention", "sliding_attention"):
        raise DataError(f"{name}: has layers of {kind}, which the packed attention does not do")
    if kind == "sliding_attention" and sliding_window is None:
        raise DataError(f"{name}: does not say how wide its sliding window is")


def _name(module: nn.Module) -> str:
    return type(module).__name__


def _band(length: int, window: int | None, device: torch.device) -> Tensor:
    """(length, length), true where a query (row) sees a key (column)."""
    back = torch.arange(length, device=device)[:, None] - torch.arange(length, device=device)
    return (back >= 0) & (back < (window or length))


def _softcapped(
    q: Tensor, k: Tensor, v: Tensor, scaling: float | None, window: int | None, cap: float
) -> Tensor:
    scale = q.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.tanh((q @ k.transpose(-1, -2)) * scale / cap) * cap
    scores = scores.masked_fill(~_band(q.shape[2], window, q.device), float("-inf"))
    weights: Tensor = scores.softmax(dim=-1, dtype=torch.float32).to(v.dtype)
    return weights @ v


AttentionInterface.register(NAME, packed_sdpa)


@contextmanager
def packed_attention(model: Any) -> Iterator[None]:
    """Attend within documents, inside the block; the model's own attention comes back after it."""
    own = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(own)


def prove_packing(model: Any) -> None:
    """Check that two short documents in a row give the hidden states that each gives alone.

    Raises:
        DataError: they do not; training would let examples see each other.
    """
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(0)
    vocabulary = model.get_input_embeddings().weight.shape[0]
    documents = [torch.randint(vocabulary, (n,), generator=generator).to(device) for n in (7, 5)]
    body = model.base_model
    was_training = model.training
    model.eval()
    with torch.no_grad():
        alone = [body(input_ids=ids[None], use_cache=False).last_hidden_state[0] for ids in documents]
        with packed_attention(model):
            positions = torch.cat([torch.arange(len(ids), device=device) for ids in documents])
            packed = body(
                input_ids=torch.cat(documents)[None],
                position_ids=positions[None],
                use_cache=False,
                doc_ends=(7, 12),
            ).last_hidden_state[0]
    model.train(was_training)
    expected = torch.cat(alone)
    if not bool(expected.isfinite().all()):
        raise DataError(
            f"{type(model).__name__}: its hidden states are not numbers; are its weights damaged?"
        )
    if not (packed - expected).norm() <= PROBE_TOLERANCE * expected.norm():  # so written, NaN fails too
        raise DataError(
            f"{type(model).__name__}: examples packed into one row change each other's hidden states; "
            "this architecture cannot be trained here"
        )
