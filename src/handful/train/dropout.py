"""Residual dropout that rises with depth (Section 3): x + Drop_p(branch(x)), p(l) = p_max * l / (L - 1).

Element-wise and inverted, on what each branch (attention, MLP) adds to the residual stream; 0 at the bottom layer,
`p_max` at the last. Where a layer normalises a branch's output, as Gemma does, dropout comes after that norm, which
would otherwise undo its scaling. It is not dropout of whole layers, of embeddings or of attention weights.

Done with forward hooks, so the model's class, names and files stay as they are. Hooks sit where names say; that the
place is right is then proved on the model itself, by `prove_sites`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from handful.core.errors import DataError

BRANCH_ENDS = (
    ("post_attention_layernorm", "post_feedforward_layernorm"),  # Gemma 2 and 3, OLMo 2
    ("post_self_attn_layernorm", "post_mlp_layernorm"),  # GLM 4
    ("self_attn", "mlp"),  # Llama, Mistral, Qwen, Phi
    ("attn", "mlp"),  # GPT-2
    ("attention", "mlp"),  # GPT-NeoX
    ("self_attn", "fc2"),  # OPT
)
"""The last module of the attention branch and of the MLP branch. The first pair of which a layer has both is it."""

PROBE_TOLERANCE = 1e-4


def rates(p_max: float, layers: int) -> list[float]:
    """p(l) for l = 0 … layers - 1; a single layer counts as the last."""
    return [p_max * layer / (layers - 1) for layer in range(layers)] if layers > 1 else [p_max]


def add_residual_dropout(model: Any, p_max: float, prove: bool = True) -> list[RemovableHandle]:
    """Hook dropout onto both branches of every layer; it acts in training mode only.

    Args:
        prove: check the model; not where it has no weights.

    The model's own dropouts (GPT-2 has some) are turned off, whatever `p_max` is: the paper has none.

    Raises:
        DataError: the model's own dropout does not turn off; or `p_max` is above 0 and the branches were not found, or
            dropout there would not act on them.
    """
    silence(model)
    if prove:
        prove_silence(model)
    if p_max == 0:
        return []
    if prove:
        prove_sites(model)
    found = layers_of(model)
    handles = []
    for layer, p in zip(found, rates(p_max, len(found)), strict=True):
        for end in branch_ends(layer):
            handles.append(end.register_forward_hook(dropper(p)))
    return handles


def dropper(p: float) -> Callable[[nn.Module, Any, Any], Any]:
    def drop(module: nn.Module, args: Any, output: Any) -> Any:
        if not module.training or p == 0:
            return output
        return replaced(output, F.dropout(first(output), p))

    return drop


def silence(model: nn.Module) -> None:
    """Set every dropout that the architecture brings along to 0: its modules, and the rates that its layers keep."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name, value in list(vars(module).items()):
            if "drop" in name and isinstance(value, float):
                setattr(module, name, 0.0)


def prove_silence(model: Any) -> None:
    """Check that the model computes the same in training mode as in evaluation, bit for bit.

    Raises:
        DataError: it does not; something random is left in it.
    """
    ids = torch.tensor([[1, 2, 3]], device=model.device)
    was_training = model.training
    found = []
    with torch.no_grad():
        for training in (False, True, True):
            model.train(training)
            found.append(model.base_model(input_ids=ids, use_cache=False).last_hidden_state)
    model.train(was_training)
    if not all(torch.equal(found[0], other) for other in found[1:]):
        raise DataError(
            f"{type(model).__name__}: computes something else in training mode than in evaluation, though its "
            "dropouts were set to 0; this architecture cannot be trained here"
        )


def layers_of(model: Any) -> nn.ModuleList:
    """The stack of layers: the list of modules that is as long as the configuration says."""
    count = model.config.num_hidden_layers
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise unproved(model, "its layers were not found")


def branch_ends(layer: nn.Module) -> tuple[nn.Module, ...]:
    """The last module of each of a layer's two branches, or nothing where no pair of names fits."""
    for names in BRANCH_ENDS:
        if all(hasattr(layer, name) for name in names):
            return tuple(getattr(layer, name) for name in names)
    return ()


def prove_sites(model: Any) -> None:
    """Check that what leaves a branch's end is what its layer adds to the residual stream, in every layer.

    Two fixed vectors take the place of the branches' outputs: then each layer must add f (a + m), with one factor
    f (Granite has 0.5), and twice that for vectors twice as large, which a norm between would undo.

    Raises:
        DataError: it does not.
    """
    layers = layers_of(model)
    if not all(branch_ends(layer) for layer in layers):
        raise unproved(model, "the ends of its attention and MLP branches were not found")
    size = model.get_input_embeddings().weight.shape[1]
    generator = torch.Generator().manual_seed(0)
    vectors = [3 + torch.randn(size, generator=generator) for _ in range(2)]
    for number, (once, twice) in enumerate(
        zip(added(model, vectors, 1.0), added(model, vectors, 2.0), strict=True)
    ):
        expected = (vectors[0] + vectors[1]).to(once)
        factor = (once * expected).sum() / (expected.square().sum() * len(once))
        error = max((once - factor * expected).abs().max(), (twice - 2 * factor * expected).abs().max())
        if not factor.abs() > 1e-3 or error > PROBE_TOLERANCE * expected.abs().max() * max(
            1.0, float(factor.abs())
        ):
            raise unproved(
                model, f"in layer {number} the places found do not add straight to the residual stream"
            )


def added(model: Any, vectors: list[Tensor], factor: float) -> list[Tensor]:
    """What each layer adds to the residual stream, (tokens, size), with its branches' outputs replaced."""
    before: list[Tensor] = []
    found: list[Tensor] = []
    with forced(model, vectors, factor) as layers:
        handles = [
            layer.register_forward_pre_hook(
                lambda module, args, kwargs: before.append(args[0] if args else kwargs["hidden_states"]),
                with_kwargs=True,
            )
            for layer in layers
        ]
        handles += [
            layer.register_forward_hook(lambda module, args, output: found.append(first(output) - before[-1]))
            for layer in layers
        ]
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                model.base_model(input_ids=torch.tensor([[1, 2, 3]], device=model.device), use_cache=False)
        finally:
            model.train(was_training)
            for handle in handles:
                handle.remove()
    return [part[0].float() for part in found]


@contextmanager
def forced(model: Any, vectors: list[Tensor], factor: float) -> Iterator[nn.ModuleList]:
    """Every branch gives its fixed vector at every token, inside the block."""
    layers = layers_of(model)

    def give(vector: Tensor) -> Callable[[nn.Module, Any, Any], Any]:
        return lambda module, args, output: replaced(
            output, (factor * vector).to(first(output)).expand_as(first(output))
        )

    handles = [
        end.register_forward_hook(give(vector))
        for layer in layers
        for end, vector in zip(branch_ends(layer), vectors, strict=True)
    ]
    try:
        yield layers
    finally:
        for handle in handles:
            handle.remove()


def first(output: Any) -> Tensor:
    """The hidden states of a module's output: attention gives them with its weights, as a tuple."""
    hidden: Tensor = output[0] if isinstance(output, tuple) else output
    return hidden


def replaced(output: Any, hidden: Tensor) -> Any:
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


def unproved(model: Any, why: str) -> DataError:
    return DataError(
        f"train.residual_dropout: not proved for {type(model).__name__}: {why}; set train.residual_dropout = 0"
    )
