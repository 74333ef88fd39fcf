"""LoRA (Hu et al. 2021): train small matrices beside the model's own, and the end-of-turn token's rows.

Not the paper's method, which trains every weight; for models whose float32 weights and moments do not fit. Each linear
layer W of attention and MLP becomes W + (alpha / rank) B A, by peft's own layers, which leave the model's class as it
is. B starts at zero, so the model starts as it was. Embeddings, norms and the head stay, but for the row of the new
token, which nobody has trained before.

That row is a parameter of its own, `eot_row`, on the embedding (and on the head, where the head has weights of its
own). Before each use it is written into the frozen table, so everything that reads the table sees it; its gradient
comes from a hook on the embedding and from the chunked loss. peft's own `trainable_token_indices` copies the whole
table at each forward pass and hides the head's weight, which the chunked loss needs.

What is saved is computed from a state dict by name (`merged`, `adapter_tensors`), so it may have been gathered from
many processes. This file does not write files, and does not quantise the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from handful.core.errors import DataError
from handful.core.optional import need
from handful.core.rng import rng_for
from handful.models.embedded import EMBEDDED
from handful.recipe.training import Train
from handful.train.dropout import layers_of
from handful.train.loss import Head

ROW = "eot_row"
ADAPTER = "default"  # peft's name for the only adapter
BASE, A, B = ".base_layer.", f".lora_A.{ADAPTER}.weight", f".lora_B.{ADAPTER}.weight"
PEFT_PREFIX = "base_model.model."
PROBE_TOLERANCE = 1e-5


def add_adapters(model: Any, eot_id: int, params: Train) -> None:
    """Freeze the model, give its layers adapters of rank `train.lora_rank`, and make the EOT's rows trainable.

    The model's function stays what it was, up to rounding.

    Raises:
        DataError: a layer has matrices that are not linear layers (a mixture of experts, say), or the embedding does
            more than look up and scale.
        MissingExtra: peft is not installed.
    """
    need("peft", "train.lora_rank")
    from peft import inject_adapter_in_model

    names = linear_layers(model)
    inject_adapter_in_model(lora_config(model, names, params), model, adapter_name=ADAPTER)
    generator = torch.Generator().manual_seed(rng_for(params.seed, "train", "adapters").getrandbits(63))
    for name in names:
        layer = model.get_submodule(name)
        layer.cast_input_dtype_enabled = False  # autocast sees to it; peft would go through float32
        initialise(layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight, generator)
    for weight in model.parameters():
        weight.requires_grad_(False)
    for name, weight in model.named_parameters():
        if name.endswith((A, B)):
            weight.requires_grad_(True)
    free_row(model.get_input_embeddings(), eot_id, routed=True)
    if is_untied(model):
        free_row(model.get_output_embeddings(), eot_id, routed=False)


def initialise(a: Tensor, b: Tensor, generator: torch.Generator) -> None:
    """A uniform within 1 / sqrt(inputs), as peft does, but drawn on the CPU whatever the device; B zero.

    Args:
        a: (rank, inputs).
        b: (outputs, rank).
    """
    with torch.no_grad():
        a.copy_((2 * torch.rand(a.shape, generator=generator) - 1) / a.shape[1] ** 0.5)
        b.zero_()


def linear_layers(model: Any) -> list[str]:
    """The names of all linear layers of attention and MLP, layer by layer."""
    layers = layers_of(model)
    prefix = next(name for name, module in model.named_modules() if module is layers)
    found = [
        f"{prefix}.{name}"
        for name, module in layers.named_modules()
        if isinstance(module, (nn.Linear, Conv1D))
    ]
    adapted = {f"{name}.weight" for name in found}
    others = [
        name
        for name, weight in model.named_parameters()
        if name.startswith(f"{prefix}.") and weight.ndim >= 2 and name not in adapted
    ]
    if others or not found:
        what = f"{others[0]} is not a linear layer" if others else "its layers hold no linear layers"
        raise DataError(
            f"train.lora_rank: {type(model).__name__} cannot have adapters on all of attention and MLP: {what}; "
            "set train.lora_rank = 0"
        )
    return found


def lora_config(model: Any, names: list[str], params: Train) -> Any:
    """What peft needs to make the adapters. Layers go by their last names, such as "q_proj", if that is enough."""
    from peft import LoraConfig

    short = {name.rpartition(".")[2] for name in names}
    matched = [name for name, _ in model.named_modules() if name.rpartition(".")[2] in short]
    return LoraConfig(
        r=params.lora_rank,
        lora_alpha=params.lora_alpha or 2 * params.lora_rank,  # type: ignore[arg-type]
        lora_dropout=0.0,  # the residual dropout of Section 3 is on already
        target_modules=sorted(short) if sorted(matched) == sorted(names) else sorted(names),
        fan_in_fan_out=isinstance(model.get_submodule(names[0]), Conv1D),
        bias="none",
        task_type="CAUSAL_LM",
        base_model_name_or_path=hub_name(params.model),
    )


def hub_name(ref: str) -> str:
    """The base model's name for whoever loads the adapters; nothing where it is a folder of this machine."""
    return "" if ref in EMBEDDED or ref.startswith(("/", ".", "~")) else ref


def is_untied(model: Any) -> bool:
    head = model.get_output_embeddings()
    return head is not None and head.weight is not model.get_input_embeddings().weight


def free_row(table: Any, eot_id: int, routed: bool) -> None:
    """Make row `eot_id` of an embedding or head a parameter, (1, size), that is written into its table before use.

    Args:
        routed: give it the gradient of what the module returns; the head's comes from the chunked loss instead.

    Raises:
        DataError: the embedding does more than look up and scale.
    """
    row = nn.Parameter(table.weight.detach()[eot_id : eot_id + 1].clone())
    table.register_parameter(ROW, row)
    table.eot_id = eot_id
    if routed and not row.is_meta:  # with many processes, the first one checks it
        given = table(torch.tensor([[eot_id]], device=row.device))[0].detach()
        if not torch.allclose(given, row * scale_of(table), rtol=PROBE_TOLERANCE, atol=0.0):
            raise DataError(
                f"train.lora_rank: {type(table).__name__} does more than look up and scale, so the new token's row "
                "cannot be trained alone; set train.lora_rank = 0"
            )

    def write(module: Any, args: Any) -> None:
        with torch.no_grad():
            module.weight[eot_id] = module.eot_row[0].to(module.weight)

    def route(module: Any, args: Any, output: Tensor) -> Tensor:
        here = (args[0] == eot_id)[..., None]
        return torch.where(here, (module.eot_row * scale_of(module)).to(output), output)

    table.register_forward_pre_hook(write)
    if routed:
        table.register_forward_hook(route)


def scale_of(table: Any) -> Any:
    """What an embedding multiplies its rows by, as Gemma's does."""
    return getattr(table, "embed_scale", 1.0)


def with_row(head: Head, model: Any) -> Head:
    """The head of a model with adapters: of its weight only the EOT's row learns."""
    holder = model.get_output_embeddings() if is_untied(model) else model.get_input_embeddings()
    return replace(head, row=holder.eot_row, row_id=holder.eot_id)


def has_adapters(model: Any) -> bool:
    return hasattr(model.get_input_embeddings(), ROW)


def is_trained(name: str) -> bool:
    """Whether a name of the state dict is an adapter's or a row's: all that a resumed run cannot get from the base."""
    return name.endswith((A, B, f".{ROW}"))


def trained(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if is_trained(name)}


def load_trained(model: Any, stored: Mapping[str, Tensor]) -> None:
    """Give a model with adapters those that `trained` took from one like it."""
    wanted = {name: weight for name, weight in model.named_parameters() if is_trained(name)}
    odd = {(name, weight.shape) for name, weight in wanted.items()}
    odd ^= {(name, tensor.shape) for name, tensor in stored.items()}
    if odd:
        raise DataError(f"adapters of another model or rank: {min(odd)[0]} does not fit; train anew")
    with torch.no_grad():
        for name, weight in wanted.items():
            weight.copy_(stored[name])


@torch.no_grad()
def merged(model: Any, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a plain model that computes what the adapted one does.

    Args:
        model: for the form and scale of its adapters; its weights are not read.
        state: whole tensors by the adapted model's names. What is merged is copied, never changed, and to the CPU:
            a GPU may have no room for a second model.
    """
    plain: dict[str, Tensor] = {}
    eot_id = model.get_input_embeddings().eot_id
    for name, tensor in state.items():
        if is_trained(name):
            continue
        stem, inside, last = name.rpartition(BASE)
        if inside and last == "weight":
            layer = model.get_submodule(stem)
            delta = state[stem + B].float() @ state[stem + A].float() * layer.scaling[ADAPTER]
            tensor = (tensor + (delta.T if layer.fan_in_fan_out else delta)).cpu()
        row = state.get(f"{name.removesuffix('.weight')}.{ROW}")
        if row is not None:
            tensor = tensor.detach().to("cpu", copy=True)
            tensor[eot_id] = row[0].to(tensor)
        plain[plain_name(name)] = tensor
    return tie_again(model, plain)


def plain_name(name: str) -> str:
    """What a weight of an adapted model is called without adapters."""
    stem, inside, last = name.rpartition(BASE)
    return f"{stem}.{last}" if inside else name


def tie_again(model: Any, plain: dict[str, Tensor]) -> dict[str, Tensor]:
    """Where head and embedding are one, let them be so in `plain`: the new row was written into one copy of the two."""
    if is_untied(model) or model.get_output_embeddings() is None:
        return plain
    names = {id(module): f"{name}.weight" for name, module in model.named_modules()}
    head = names[id(model.get_output_embeddings())]
    if head in plain:
        plain[head] = plain[names[id(model.get_input_embeddings())]]
    return plain


def adapter_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trained tensors under the names of peft's `adapter_model.safetensors`."""
    row = "token_adapter.trainable_tokens_delta"
    return {
        PEFT_PREFIX + name.replace(f".{ADAPTER}.", ".").replace(ROW, row): tensor.detach().contiguous()
        for name, tensor in trained(state).items()
    }


def adapter_config(model: Any) -> dict[str, Any] | None:
    """peft's `adapter_config.json`, for a base model whose tables have room for the new token.

    None where peft would compute something else: it forgets the bias of a head whose row was trained.
    """
    tables = [model.get_input_embeddings()]
    if is_untied(model):
        tables.append(model.get_output_embeddings())
        if tables[1].bias is not None:
            return None
    names = {id(module): name for name, module in model.named_modules()}
    config = model.peft_config[ADAPTER].to_dict()
    return {
        **config,
        "target_modules": sorted(config["target_modules"]),
        "trainable_token_indices": {names[id(t)].rpartition(".")[2]: [t.eot_id] for t in tables},
        "inference_mode": True,
    }
