"""What cannot be trained is refused before the first step, in one line that says what was found."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from handful.core.errors import DataError
from handful.models.load import load_model
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.work import work

SIZES = {"vocab_size": 600, "hidden_size": 32, "num_hidden_layers": 2, "pad_token_id": 0, "eos_token_id": 2}
HEADS = {"num_attention_heads": 4, "intermediate_size": 48}


def refusal(model: Path, dataset: Path, out: Path, **changes: Any) -> str:
    out.mkdir()
    settings = {"residual_dropout": 0.0, "max_tokens": 64, "epochs": 1, "device": "cpu", **changes}
    with pytest.raises(DataError) as found:
        work(Train(model=ModelRef(model), **settings), {"dataset": dataset}, out)
    assert "\n" not in str(found.value)
    assert list(out.iterdir()) == []
    return str(found.value)


def saved(model: Any, tiny_model: Path, folder: Path) -> Path:
    """A random model of another architecture, with the tiny model's tokenizer."""
    shutil.copytree(tiny_model, folder)
    (folder / "model.safetensors").unlink()
    (folder / "generation_config.json").unlink(missing_ok=True)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(6.0)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "kind", "settings", "said"),
    [
        ("Bert", "BertLMHeadModel", HEADS, "BertSelfAttention: its attention is not causal"),
        ("Mamba", "MambaForCausalLM", {"state_size": 4}, "MambaForCausalLM: examples packed into one row"),
        (
            "T5",
            "T5ForConditionalGeneration",
            {"d_model": 32, "d_ff": 48, "num_layers": 2, "num_heads": 4, "d_kv": 8},
            "T5Config",
        ),
    ],
)
def test_an_architecture_that_is_no_causal_transformer(
    tiny_model, dataset, tmp_path, name, kind, settings, said
):
    torch.manual_seed(0)
    sizes = {**SIZES, **settings} if name != "T5" else {"vocab_size": 600, "eos_token_id": 2, **settings}
    model = getattr(transformers, kind)(getattr(transformers, f"{name}Config")(**sizes))
    assert said in refusal(saved(model, tiny_model, tmp_path / "model"), dataset, tmp_path / "out")


def test_a_tokenizer_of_another_model(tiny_model, dataset, tmp_path):
    model = load_model(str(tiny_model))
    rows = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(rows - 50, mean_resizing=False)
    said = refusal(saved(model, tiny_model, tmp_path / "model"), dataset, tmp_path / "out")
    assert f"its ids go up to {rows - 1}, and the model has embeddings for {rows - 50} tokens" in said


def test_weights_that_are_not_numbers(tiny_model, dataset, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    said = refusal(folder, dataset, tmp_path / "out")
    assert "LlamaForCausalLM: its hidden states are not numbers" in said


def test_a_training_set_of_prompts_alone(tiny_model, dataset, tmp_path):
    line = (dataset / "train.jsonl").read_text().splitlines()[0]
    start, end = line.index(',{"role":"assistant"'), line.index("]")
    (dataset / "train.jsonl").write_text(line[:start] + line[end:] + "\n")
    said = refusal(tiny_model, dataset, tmp_path / "out")
    assert "train.jsonl" in said
    assert "assistant" in said


def test_prompts_that_leave_no_room_for_a_response(tiny_model, dataset, tmp_path):
    said = refusal(tiny_model, dataset, tmp_path / "out", max_tokens=3)
    assert "none of the 10 training examples has a response within 3 tokens; train.max_tokens is 3" in said
