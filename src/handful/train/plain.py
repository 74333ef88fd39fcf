"""A checkpoint as anyone loads it: a plain `transformers` folder, written file by file.

Weights go into `model.safetensors`, and those of a model of more than 5 GB into `model-00001-of-…` with an index. Of
a model that many processes hold in parts, each file is put together by itself, so none ever has the whole model. What
is written does not tell how many there were. Only where transformers stores a model under other names than it has in
memory (GPT-NeoX, mixtures of experts), which it does for all tensors at once, the first process puts all together.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file
from torch import Tensor
from transformers.conversion_mapping import get_model_conversion_mapping

from handful.core.files import write_whole
from handful.models.load import quietly
from handful.train import lora
from handful.train.distributed import Ranks, named_whole

SHARD_BYTES = 5_000_000_000
"""Of a file, as the hub has them. A weight that is larger has a file of its own."""
INDEX = "model.safetensors.index.json"


def write(model: Any, tokenizer: Any, folder: Path, together: Ranks) -> None:
    """Fill a folder that `from_pretrained` loads: float32 weights, tokenizer, chat template, generation settings.

    All processes call it; the first one writes. Adapters are merged in, and beside in a folder of their own.
    """
    adapted = lora.has_adapters(model)
    learnt = together.gather(pair for pair in named_whole(model) if adapted and lora.is_trained(pair[0]))
    if together.leads:
        write_beside(model, tokenizer, folder)
        if adapted:
            write_adapter(model, folder / "adapter", learnt)
    if is_renamed(model, together):
        tensors = together.gather(named_whole(model))
        if together.leads:
            tensors = lora.merged(model, tensors) if adapted else tensors
            with quietly():
                model.save_pretrained(folder, state_dict=tensors, max_shard_size=SHARD_BYTES)
        return
    weights = stored_names(model)
    split = shards(model, weights)
    held = dict(named_whole(model))
    for file, names in split.filename_to_tensors.items():
        tensors = together.gather((weights[name], held[weights[name]]) for name in names)
        if together.leads:
            tensors = lora.merged(model, {**learnt, **tensors}) if adapted else tensors
            save_file(
                {name: tensor.detach().contiguous() for name, tensor in tensors.items()},
                folder / file,
                {"format": "pt"},
            )
        del tensors
    if together.leads and split.is_sharded:
        write_whole(folder / INDEX, index(model, weights, split))


def write_beside(model: Any, tokenizer: Any, folder: Path) -> None:
    """All but the weights: configuration, generation settings, tokenizer, chat template."""
    model.config._name_or_path = ""  # where the base model lay on this machine is nobody's business
    with quietly():
        model.save_pretrained(folder, state_dict={})
        tokenizer.save_pretrained(folder)


def write_adapter(model: Any, folder: Path, tensors: dict[str, Tensor]) -> None:
    """The adapters by themselves in peft's format, where peft computes the same with them."""
    config = lora.adapter_config(model)
    if config is not None:
        folder.mkdir()
        save_file(lora.adapter_tensors(tensors), folder / "adapter_model.safetensors")
        write_whole(folder / "adapter_config.json", json.dumps(config, indent=2).encode())


def is_renamed(model: Any, together: Ranks) -> bool:
    """Whether transformers stores the model under other names, or in other shapes, than it has in memory."""
    known = getattr(model, "_weight_conversions", None)
    found = known if known is not None else get_model_conversion_mapping(model, add_legacy=False)
    return together.agree(bool(found))


def stored_names(model: Any) -> dict[str, str]:
    """Name in the file -> name in the model, for all that is stored: of tied weights one, of adapters none."""
    ignored = {*(model._keys_to_ignore_on_save or ()), *(model.all_tied_weights_keys or ())}
    names = [name for name, _ in named_whole(model) if not lora.is_trained(name) and name not in ignored]
    return {lora.plain_name(name): name for name in names}


def shards(model: Any, weights: dict[str, str]) -> Any:
    """Which weights are in which file, as transformers would share them out."""
    held = dict(named_whole(model))
    shapes = {
        name: torch.empty(held[own].shape, dtype=held[own].dtype, device="meta")
        for name, own in weights.items()
    }
    pattern = "model{suffix}.safetensors"
    return split_torch_state_dict_into_shards(shapes, filename_pattern=pattern, max_shard_size=SHARD_BYTES)


def index(model: Any, weights: dict[str, str], split: Any) -> str:
    held = dict(named_whole(model))
    count = sum(held[own].numel() for own in weights.values())
    metadata = {"total_parameters": count, **split.metadata}
    told = {"metadata": metadata, "weight_map": split.tensor_to_filename}
    return json.dumps(told, indent=2, sort_keys=True) + "\n"
