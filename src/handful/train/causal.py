"""Causal attention of one document on a CPU, a block of queries at a time, forward and backward.

torch's own kernel for this is slow on a CPU, most of all on short documents: this one takes between half (64 to 600
tokens) and 0.8 (2,000) of its time (benchmarks/attention.py), with scores in float32 and errors of the same size. It
skips the blocks that lie wholly above the diagonal or outside a sliding window, and shares a key's head among its
queries' without copies.

The price is memory: the attention weights stay until the backward pass, heads x tokens^2 / 2 numbers a document and
layer. It has no dropout of weights and no second derivative.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

BLOCK = 128
"""Queries at a time. 96 and 192 are as fast, 64 and 256 are slower (measured)."""


def causal_attention(
    query: Tensor, key: Tensor, value: Tensor, scaling: float | None = None, window: int | None = None
) -> Tensor:
    """softmax(scaling Q K^T) V, each token seeing itself and those before it.

    Args:
        query: (1, heads, tokens, size); `key` and `value` alike, with as many heads or a divisor of that.
        scaling: None means 1 / sqrt(size).
        window: a token sees itself and the `window` - 1 tokens before it; None sets no limit.

    Returns:
        (1, heads, tokens, size of a value), in the query's type, or autocast's.
    """
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    with torch.autocast("cpu", enabled=False):  # it would round the scores
        found: Tensor = Blocks.apply(query, key, value, scale, window)  # type: ignore[no-untyped-call]
    return found


class Blocks(Function):
    """The attention weights of a block of queries are kept for the backward pass, in the type of the inputs."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None
    ) -> Tensor:
        _, heads, tokens, size = query.shape
        groups = heads // key.shape[1]
        q, k, v = query.reshape(-1, groups, tokens, size), key[0], value[0]
        wide = torch.float64 if q.dtype == torch.float64 else torch.float32
        scaled, keys = q.to(wide) * scale, k.to(wide).transpose(1, 2)
        out = q.new_empty(*q.shape[:3], v.shape[-1])
        kept = []
        for first, start, end in spans(tokens, window):
            scores = torch.bmm(flat(scaled[:, :, start:end]), keys[:, :, first:end])
            scores = scores.view(-1, groups, end - start, end - first)
            scores[..., start - first :].masked_fill_(later(end - start), float("-inf"))
            if window and end > window:
                scores.masked_fill_(too_early(first, start, end, window), float("-inf"))
            weights = flat(scores.softmax(dim=-1).to(q.dtype))
            out[:, :, start:end] = torch.bmm(weights, v[:, first:end]).view_as(out[:, :, start:end])
            kept.append(weights)
        ctx.save_for_backward(q, k, v, out, *kept)
        ctx.scale, ctx.window = scale, window
        return out.view(1, heads, tokens, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, out, *kept = ctx.saved_tensors
        wide = torch.float64 if q.dtype == torch.float64 else torch.float32
        grad = grad.reshape(out.shape)
        delta = (grad.to(wide) * out.to(wide)).sum(-1, keepdim=True)
        d_query = torch.empty_like(q)
        d_key, d_value = k.new_zeros(k.shape, dtype=wide), v.new_zeros(v.shape, dtype=wide)
        for (first, start, end), weights in zip(spans(q.shape[2], ctx.window), kept, strict=True):
            upstream, seen = flat(grad[:, :, start:end]), slice(first, end)
            d_value[:, seen] += torch.bmm(weights.transpose(1, 2), upstream)
            d_scores = torch.bmm(upstream, v[:, seen].transpose(1, 2)).to(wide)
            d_scores = d_scores.sub_(flat(delta[:, :, start:end])).mul_(weights).to(q.dtype)
            d_query[:, :, start:end] = torch.bmm(d_scores, k[:, seen]).view_as(d_query[:, :, start:end])
            d_key[:, seen] += torch.bmm(d_scores.transpose(1, 2), flat(q[:, :, start:end]))
        d_query.mul_(ctx.scale)
        d_key.mul_(ctx.scale)
        shape = (1, -1, *q.shape[2:])
        return d_query.view(shape), d_key[None].to(k.dtype), d_value[None].to(v.dtype), None, None


def spans(tokens: int, window: int | None) -> Iterator[tuple[int, int, int]]:
    """(first key, first query, end of both) of each block."""
    for start in range(0, tokens, BLOCK):
        yield max(0, start - window + 1) if window else 0, start, min(tokens, start + BLOCK)


def flat(blocks: Tensor) -> Tensor:
    """(key heads, groups, queries, size) with the groups' queries below each other."""
    heads, groups, queries, size = blocks.shape
    return blocks.reshape(heads, groups * queries, size)


@cache
def later(queries: int) -> Tensor:
    """(queries, queries), true where a key comes after a query. No more than BLOCK of them are ever made."""
    return torch.ones(queries, queries, dtype=torch.bool).triu(1)


def too_early(first: int, start: int, end: int, window: int) -> Tensor:
    """(queries, keys), true where a key lies outside a query's window."""
    return torch.arange(start, end)[:, None] - torch.arange(first, end) >= window
