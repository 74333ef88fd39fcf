"""The most memory that a training step takes on one device, term by term, from a model's shape and the settings.

Follows what the engine does (loop, loss, distributed), moment by moment: the head's at the end of the forward pass, a
layer's in the backward pass, and saving. The largest is the estimate. Bytes of activations are those that autograd
keeps for the layers of `transformers`: tests count them on real networks. Two terms are measured and not derived: what
a process holds before it has a model, and what the allocator loses.

Not covered: mixtures of experts, the scores of Gemma 2's softcap, sampling of dev answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from handful.recipe.training import Train
from handful.train.flops import Shape

CHUNK_LOGITS = 2**27
"""As in loss; a test holds the two equal, since that file imports torch."""
ALIGNMENT = 64
BLOCK = 128
"""As in causal."""

PROCESS = {"cpu": 0.53e9, "cuda": 0.8e9}
"""Measured on the CPU: Python, torch, transformers and the kernels they make. Assumed for a GPU: CUDA's context."""
A_WORD = 1200
"""Bytes of a tokenizer for each word of its vocabulary, measured."""

LOST = {"cpu": 0.45, "cuda": 0.05}
"""What the allocator loses for each byte of activations: they lie among what is let go, and the gaps are too small for
the next. Fitted on the CPU (glibc, one thread; 0.35 to 0.75 in `benchmarks/estimate_memory.py`), assumed for a GPU."""

PREFETCHED = 2
"""Layers that FSDP2 holds whole at a time: the one that runs, and the next."""


@dataclass(frozen=True, slots=True)
class Term:
    """Part of the memory of a device at its fullest."""

    name: str
    bytes: float
    why: str


@dataclass(frozen=True, slots=True)
class Pass:
    """The largest forward pass."""

    tokens: int
    labels: int
    """Of them, tokens with something to predict."""
    documents: tuple[int, ...] = ()
    """Lengths of the examples in it; empty means one of all tokens."""


def peak(
    shape: Shape, params: Train, largest: Pass, kind: str, devices: int = 1, bfloat16: bool = True
) -> list[Term]:
    """The terms of the fullest moment; their sum is the estimate.

    Args:
        kind: "cpu" or "cuda".
        devices: that share weights, gradients and moments.
        bfloat16: the arithmetic, as `train.precision` comes out there.
    """
    always = standing(shape, params, kind, devices)
    moments = [
        training(at_head(shape, params, largest, kind, bfloat16, devices), shape, params, kind, devices),
        training(in_backward(shape, params, largest, kind, bfloat16, devices), shape, params, kind, devices),
        while_saving(shape, params, kind),
    ]
    return always + max(moments, key=total)


def training(found: list[Term], shape: Shape, params: Train, kind: str, devices: int) -> list[Term]:
    """What a moment of a forward or backward pass takes, with the gradients so far and what the allocator loses."""
    trained = trained_parameters(shape, params)
    gradients = Term("gradients", 4 * trained / devices, f"float32, 4 bytes of {trained:,}{among(devices)}")
    among_them = sum(term.bytes for term in found if term.name in ("activations", "layer"))
    lost = Term(
        "lost", LOST[kind] * among_them, "gaps between activations, too small to use (a fitted share)"
    )
    return [gradients, *found, lost]


def total(terms: Sequence[Term]) -> float:
    return sum(term.bytes for term in terms)


def standing(shape: Shape, params: Train, kind: str, devices: int) -> list[Term]:
    """What is there from the second step on, whatever the batch."""
    weights, trained = shape.parameters, trained_parameters(shape, params)
    process = PROCESS[kind] + (A_WORD * shape.vocabulary if kind == "cpu" else 0)
    return [
        Term("process", process, "Python, libraries, tokenizer" if kind == "cpu" else "CUDA's context"),
        Term("weights", 4 * weights / devices, f"float32, 4 bytes of {weights:,}{among(devices)}"),
        Term("moments", 8 * trained / devices, f"AdamW's two, 8 bytes of {trained:,}{among(devices)}"),
    ]


def among(devices: int) -> str:
    return f", over {devices} devices" if devices > 1 else ""


def trained_parameters(shape: Shape, params: Train) -> int:
    """All weights, or with LoRA the adapters of all linear layers and the EOT's rows."""
    if params.lora_rank == 0:
        return shape.parameters
    d, inner = shape.hidden, shape.inner
    attention = (d + shape.queries) * 2 + (d + shape.keys) * 2
    mlp = (3 if shape.gated else 2) * (d + inner)
    return params.lora_rank * shape.layers * (attention + mlp) + (1 if shape.tied else 2) * d


def at_head(
    shape: Shape, params: Train, largest: Pass, kind: str, bfloat16: bool, devices: int
) -> list[Term]:
    """The end of the forward pass: all that the backward pass will need, and the loss in the making."""
    return [
        *kept(shape, params, largest, kind, bfloat16),
        *head(shape, params, largest, bfloat16),
        *gathered(shape, params, devices),
    ]


def in_backward(
    shape: Shape, params: Train, largest: Pass, kind: str, bfloat16: bool, devices: int
) -> list[Term]:
    """The first layer of the backward pass: the head's gradient waits, and a checkpointed layer is computed again."""
    found = kept(shape, params, largest, kind, bfloat16)
    if params.gradient_checkpointing:
        again = layer_bytes(shape, params, bfloat16, kind) * largest.tokens
        again += max(attention_weights(shape, largest, bfloat16)) if kind == "cpu" else 0
        found.append(Term("layer", again, "the layer that is computed again"))
        found.append(Term("copies", layer_copies(shape, bfloat16), "of that layer's weights, in bfloat16"))
    widest = max(shape.inner, shape.queries, shape.hidden) * largest.tokens
    found.append(
        Term("passing", 3 * widest * (2 if bfloat16 else 4), "gradients on their way through a layer")
    )
    if params.lora_rank == 0:
        found.append(Term("head", 4 * shape.head_weights, "the head's gradient, float32, until it is added"))
    return found + gathered(shape, params, devices)


def while_saving(shape: Shape, params: Train, kind: str) -> list[Term]:
    """Writing the moments, on a CPU from a copy; no gradients are there. A GPU copies to the machine's memory."""
    size = 8 * trained_parameters(shape, params)
    return [Term("saving", size, "a copy of the moments, as bytes to write")] if kind == "cpu" else []


def kept(shape: Shape, params: Train, largest: Pass, kind: str, bfloat16: bool) -> list[Term]:
    """What the forward pass leaves for the backward pass."""
    tokens = largest.tokens
    if params.gradient_checkpointing:
        size = 4 * shape.hidden * shape.layers * tokens
        return [
            Term("activations", size, f"{tokens:,} tokens: what enters each layer, float32 (checkpointing)")
        ]
    each = layer_bytes(shape, params, bfloat16, kind)
    found = [
        Term(
            "activations",
            each * shape.layers * tokens,
            f"{tokens:,} tokens through {shape.layers} layers, {each:,.0f} bytes each",
        )
    ]
    if kind == "cpu":
        weights = sum(attention_weights(shape, largest, bfloat16))
        found.append(Term("attention", weights, "weights of each token on those before it, by blocks"))
    if bfloat16:
        copies = layer_copies(shape, bfloat16) * shape.layers
        found.append(Term("copies", copies, "of the layers' weights, in bfloat16, until their backward pass"))
    return found


def layer_copies(shape: Shape, bfloat16: bool) -> int:
    """Bytes of a layer's matrices as the products take them."""
    return 2 * (shape.attention_weights + shape.mlp_weights) if bfloat16 else 0


def attention_weights(shape: Shape, largest: Pass, bfloat16: bool) -> list[float]:
    """Bytes of each layer, as `causal` keeps them on a CPU; a GPU's kernel keeps none."""
    wide = 2 if bfloat16 else 4
    lengths = largest.documents or (largest.tokens,)
    by_window = {window: sum(pairs(n, window) for n in lengths) for window in Counter(shape.windows)}
    return [float(wide * shape.heads * by_window[window]) for window in shape.windows]


def pairs(length: int, window: int) -> int:
    """Queries times keys of a document's blocks: a little more than what is seen."""
    starts = range(0, length, BLOCK)
    ends = [min(length, start + BLOCK) for start in starts]
    firsts = [max(0, start - window + 1) if window else 0 for start in starts]
    return sum((e - s) * (e - f) for s, e, f in zip(starts, ends, firsts, strict=True))


def layer_bytes(shape: Shape, params: Train, bfloat16: bool, kind: str) -> float:
    """Bytes that autograd keeps for one token in one layer, attention's weights aside.

    In bfloat16 each linear layer casts its input anew; norms and the residual stream stay float32. On a GPU, heads that
    share keys and values get copies of their own.
    """
    wide = 2 if bfloat16 else 4
    d, q, inner = shape.hidden, shape.queries, shape.inner
    # Queries, keys, values and their attention twice; on a GPU its log-sums too.
    found = wide * (3.0 * q + 2 * shape.keys) if kind == "cpu" else 5.0 * wide * q + 4 * shape.heads
    found += (
        norms_before(shape, params, wide) + norms_behind(shape, params) + norms_of_heads(shape, params, wide)
    )
    found += wide * inner * (4 if shape.gated else 5)
    if params.residual_dropout > 0:
        found += 2 * wide * d
    return found


def norms_before(shape: Shape, params: Train, wide: int) -> float:
    """Of the norms in front of attention and MLP, and of the casts of what they give."""
    d = shape.hidden
    if not shape.gated:  # LayerNorm: what comes in, mean and deviation, and what goes out to one layer
        return 2 * (4 * d + 8 + wide * d)
    learns = params.lora_rank == 0  # a frozen weight does not need what it multiplies
    inputs = 5 * wide if wide == 2 else 2 * wide  # three and two layers, one cast each; none in float32
    if shape.family == "olmo2":  # has none there
        return d * inputs
    return d * (8 + (8 if learns else 0) + inputs) + 8


def norms_behind(shape: Shape, params: Train) -> float:
    """Of the norms between a branch and the residual stream, as Gemma 2 and 3 and OLMo 2 have them."""
    each = 8 if params.lora_rank == 0 else 4
    return 2 * (each * shape.hidden + 4) if shape.norms == 4 or shape.family == "olmo2" else 0


def norms_of_heads(shape: Shape, params: Train, wide: int) -> float:
    """Of the norms of queries and keys."""
    if shape.family not in ("qwen3", "gemma3_text", "olmo2"):
        return 0
    each = 6 if wide == 2 and shape.family == "qwen3" else 8
    each = each if params.lora_rank == 0 else 4
    count = 2 if shape.family == "olmo2" else shape.heads + shape.kv_heads
    return each * (shape.queries + shape.keys) + 4 * count


def head(shape: Shape, params: Train, largest: Pass, bfloat16: bool) -> list[Term]:
    """The loss: the head's weight as the products take it, logits of a chunk, and the gradient of the weight."""
    words = -(-(shape.vocabulary + 1) // ALIGNMENT) * ALIGNMENT
    rows = max(1, min(largest.labels, CHUNK_LOGITS // (shape.vocabulary + 1)))
    wide = 2 if bfloat16 else 4
    several = largest.labels > rows
    each = 4 + wide if bfloat16 else 4
    if several:  # the chunk before lets go only when the next is there
        each = 12 if bfloat16 else 8
    found = [
        Term("head", wide * words * shape.hidden, "the head's weight, padded"),
        Term("logits", each * rows * words, f"{rows:,} tokens at a time over {words:,} words"),
        Term(
            "labelled",
            (8 + wide) * shape.hidden * largest.labels,
            "hidden states with a label, and their gradient",
        ),
    ]
    if params.lora_rank == 0:
        size = (4 + wide) * shape.head_weights
        found.append(Term("head's gradient", size, "float32, and the product that is added to it"))
    return found


def gathered(shape: Shape, params: Train, devices: int) -> list[Term]:
    """What FSDP2 puts together on every device: some layers, and embedding and head throughout."""
    if devices == 1:
        return []
    layer = shape.layer_parameters
    outer = shape.parameters - shape.layers * layer
    found = [
        Term(
            "whole weights", 4 * (PREFETCHED * layer + outer), "layers that run, embedding and head, float32"
        )
    ]
    if params.lora_rank == 0:
        size = 4 * (PREFETCHED * layer + outer)
        found.append(Term("whole gradients", size, "the same, before they are summed over devices"))
    return found
