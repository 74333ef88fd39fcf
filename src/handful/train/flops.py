"""What a model's shape costs: its parameters, and the floating-point operations of training on it.

Pure arithmetic over a `config.json`: no torch, no weights. Model FLOPs are counted as is usual (Chowdhery et al. 2022,
appendix B): 6 a weight and token for the products of the forward and the backward pass, and the attention's products
over the tokens that are really seen, causal and within the window. What is computed twice (gradient checkpointing) or
is no matrix product (norms, dropout, the optimizer) does not count: MFU is then comparable between settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handful.core.errors import DataError

TIED = {"gemma", "gemma2", "gemma3", "gemma3_text", "gpt2"}
"""Families whose configuration leaves `tie_word_embeddings` out where it is true."""

DEFAULTS: dict[str, dict[str, int]] = {
    "gemma": {"head_dim": 256},
    "gemma2": {"head_dim": 256},
    "gemma3_text": {
        "head_dim": 256,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "vocab_size": 262_208,
    },
    "qwen3": {"head_dim": 128},
}
"""Numbers that a published `config.json` of the family may leave out."""

UNGATED = {"gpt2", "gpt_neox", "phi"}
BIASED = {"gpt2", "gpt_neox", "phi"}
NORMS_A_LAYER = {"gemma2": 4, "gemma3_text": 4, "phi": 1}

EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a decoder-only transformer."""

    family: str
    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    inner: int
    """Width of the MLP."""
    tied: bool
    """The embedding is also the output layer."""
    windows: tuple[int, ...]
    """How many tokens each layer's attention sees; 0 is all of them."""
    positions: int = 0
    """Learned position embeddings (GPT-2)."""

    @property
    def gated(self) -> bool:
        return self.family not in UNGATED

    @property
    def norms(self) -> int:
        """Norms a layer, those of queries and keys aside."""
        return NORMS_A_LAYER.get(self.family, 2)

    @property
    def queries(self) -> int:
        """Width of all heads together."""
        return self.heads * self.head_size

    @property
    def keys(self) -> int:
        return self.kv_heads * self.head_size

    @property
    def attention_weights(self) -> int:
        """Of the four matrices of a layer's attention."""
        return 2 * self.hidden * (self.queries + self.keys)

    @property
    def mlp_weights(self) -> int:
        return (3 if self.gated else 2) * self.hidden * self.inner

    @property
    def head_weights(self) -> int:
        """Of the output layer, which may be the embedding too."""
        return self.vocabulary * self.hidden

    @property
    def layer_parameters(self) -> int:
        """Of one layer, norms and biases included."""
        return self.attention_weights + self.mlp_weights + self._small()

    @property
    def parameters(self) -> int:
        """All of them, a tied embedding once."""
        norm = self.hidden * (2 if self.family in BIASED else 1)
        outer = self.head_weights * (1 if self.tied else 2) + self.positions * self.hidden + norm
        outer += self.vocabulary if self.family == "phi" else 0
        return self.layers * self.layer_parameters + outer

    def _small(self) -> int:
        """Norms and biases of a layer."""
        found = self.norms * self.hidden * (2 if self.family in BIASED else 1)
        if self.family in BIASED:
            found += self.queries + 2 * self.keys + 2 * self.hidden + self.inner
        elif self.family == "qwen2":
            found += self.queries + 2 * self.keys
        elif self.family in ("qwen3", "gemma3_text"):
            found += 2 * self.head_size
        elif self.family == "olmo2":
            found += self.queries + self.keys
        return found


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The shape that a `config.json` describes, that of its text model where it has several.

    Raises:
        DataError: it does not describe a decoder of known form.
    """
    if isinstance(config.get("text_config"), Mapping):
        config = config["text_config"]
    family = str(config.get("model_type", ""))
    if any(config.get(name) for name in EXPERTS):
        raise DataError(f"config.json of {family}: a mixture of experts, for which nothing is estimated")
    known = {**DEFAULTS.get(family, {}), **{k: v for k, v in config.items() if v is not None}}

    def number(*names: str, default: int | None = None) -> int:
        value = next((known[name] for name in names if name in known), default)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise DataError(
                f"config.json of {family or 'the model'}: has no {names[0]}, so nothing can be estimated"
            )
        return value

    hidden = number("hidden_size", "n_embd")
    layers = number("num_hidden_layers", "n_layer")
    heads = number("num_attention_heads", "n_head")
    return Shape(
        family=family,
        vocabulary=number("vocab_size"),
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=number("num_key_value_heads", default=heads),
        head_size=number("head_dim", default=max(1, hidden // heads)),
        inner=number("intermediate_size", "n_inner", default=4 * hidden),
        tied=bool(known.get("tie_word_embeddings", family in TIED)),
        windows=windows_of(family, known, layers),
        positions=number("n_positions") if family == "gpt2" else 0,
    )


def windows_of(family: str, config: Mapping[str, Any], layers: int) -> tuple[int, ...]:
    """How far each layer sees; 0 is everything before."""
    window = config.get("sliding_window")
    if not isinstance(window, int) or config.get("use_sliding_window") is False:
        return (0,) * layers
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and len(kinds) == layers:
        return tuple(window if kind == "sliding_attention" else 0 for kind in kinds)
    if family == "gemma2":
        return tuple(0 if layer % 2 else window for layer in range(layers))
    if family == "gemma3_text":
        return tuple(window if (layer + 1) % 6 else 0 for layer in range(layers))
    return (window if family == "mistral" else 0,) * layers


def with_parameters(shape: Shape, parameters: int) -> Shape:
    """The shape, its MLP made so wide that it has `parameters`: for a model known by its size alone."""
    missing = (parameters - shape.parameters) / (shape.layers * shape.hidden * (3 if shape.gated else 2))
    return replace(shape, inner=max(1, shape.inner + round(missing)))


def seen(length: int, window: int) -> int:
    """Pairs of a token and one that it sees, itself included, in a causal document of `length` tokens."""
    if not window or length <= window:
        return length * (length + 1) // 2
    return window * (window + 1) // 2 + (length - window) * window


def document_flops(shape: Shape, length: int) -> int:
    """Model FLOPs of training on one document: forward 1 part, backward 2."""
    weights = shape.layers * (shape.attention_weights + shape.mlp_weights) + shape.head_weights
    pairs = sum(layers * seen(length, window) for window, layers in Counter(shape.windows).items())
    return 6 * weights * length + 12 * shape.queries * pairs


def training_flops(shape: Shape, lengths: Iterable[int]) -> int:
    """Model FLOPs of training once on documents of these lengths."""
    return sum(count * document_flops(shape, length) for length, count in Counter(lengths).items())
