"""Random networks of several families, small enough for milliseconds, and a dataset's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handful.core import jsonl
from handful.core.types import Example, Origin, Turn
from handful.recipe.training import Train
from handful.recipe.values import ModelRef

COMMON = {"vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4}
ROTARY = {**COMMON, "intermediate_size": 48, "num_key_value_heads": 2}
SANDWICH = {
    **ROTARY,
    "head_dim": 8,
    "query_pre_attn_scalar": 8,
    "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
}
# SmolLM and SmolLM2 are Llamas with tied embeddings; Gemma 2 and 3 and GPT-2 are tied by default.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {**ROTARY, "tie_word_embeddings": True}),
    "llama-untied": ("Llama", {**ROTARY, "tie_word_embeddings": False}),
    "mistral-window": ("Mistral", {**ROTARY, "sliding_window": 5}),
    "mistral": ("Mistral", {**ROTARY, "sliding_window": None}),
    "qwen2": ("Qwen2", ROTARY),
    "qwen2-tied": ("Qwen2", {**ROTARY, "tie_word_embeddings": True}),
    "qwen3": ("Qwen3", {**ROTARY, "head_dim": 8}),
    "gemma2": (
        "Gemma2",
        {**SANDWICH, "sliding_window": 5, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0},
    ),
    "gemma3": ("Gemma3", {**SANDWICH, "sliding_window": 5}),
    "gpt2": ("GPT2", {"vocab_size": 97, "n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 64}),
    "smollm3": ("SmolLM3", ROTARY),
    "phi3": ("Phi3", ROTARY),
    "opt": ("OPT", {**COMMON, "ffn_dim": 48, "word_embed_proj_dim": 32, "max_position_embeddings": 64}),
    "gpt-neox": ("GPTNeoX", {**COMMON, "intermediate_size": 48}),
    "phi": ("Phi", {**ROTARY, "partial_rotary_factor": 0.5}),
    "olmo2": ("Olmo2", ROTARY),
    "granite": ("Granite", {**ROTARY, "residual_multiplier": 0.5}),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny products gain nothing from a second thread, and lose much where the machine is shared."""
    import torch

    from handful.models.load import fast_float32

    fast_float32.cache_clear()  # a training sets the precision once a process; here each test starts afresh
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_num_threads(before[0])
    torch.set_float32_matmul_precision(before[1])


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """Each architecture that is proved to train here, in turn."""
    return str(request.param)


def random_network(family: str, seed: int = 0, **changes: Any) -> Any:
    """A random network of a family, its weights large enough that a mistake shows."""
    import torch
    import transformers

    name, settings = FAMILIES[family]
    config_class = getattr(transformers, "Gemma3TextConfig" if name == "Gemma3" else f"{name}Config")
    kind = getattr(transformers, "GPT2LMHeadModel" if name == "GPT2" else f"{name}ForCausalLM")
    config = config_class(**{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **settings, **changes})
    torch.manual_seed(seed)
    model = kind(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(6.0)
            else:
                weight.add_(torch.rand_like(weight) * 0.5)  # norms that are not all the same
    return model.eval()


@pytest.fixture(scope="session")
def network() -> Callable[..., Any]:
    return random_network


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What 1, 2 and 4 processes left that `many.py` had train, save and go on."""
    folder = tmp_path_factory.mktemp("many")
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1"}
    if sys.platform == "linux":
        surroundings["GLOO_SOCKET_IFNAME"] = "lo"
    program = Path(__file__).with_name("many.py")
    subprocess.run([sys.executable, program, folder], check=True, env=surroundings)
    return folder


def example(id: str, *texts: str, source: str = "authored") -> Example:
    turns = tuple(Turn("assistant" if place % 2 else "user", text) for place, text in enumerate(texts))
    return Example(id, turns, Origin(source, "tests", id))


@pytest.fixture(scope="session")
def make_example() -> Callable[..., Example]:
    return example


@pytest.fixture(scope="module")
def quick(tiny_model: str) -> Train:
    """A training of a tiny random model on 10 examples, of 5 steps an epoch: a second or two."""
    return Train(
        model=ModelRef(tiny_model),
        epochs=3,
        batch_size=2,
        learning_rate=1e-3,
        residual_dropout=0.2,
        save_every=2,
        dev_samples=1,
        dev_sample_tokens=4,
        precision="float32",
        device="cpu",
    )


WORDS = ["rice", "water", "salt", "pan", "lid", "heat", "stir", "wait", "rinse", "cover", "taste", "serve"]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "dataset")


def write_dataset(folder: Path) -> Path:
    """A dataset's folder: 10 training examples of differing lengths from two sources, and 3 dev examples."""
    folder.mkdir()
    rows = [
        example(
            f"e{number}",
            f"How do I {WORDS[number]} it?",
            " ".join(WORDS[: 3 + number]).capitalize() + ".",
            source="authored" if number % 2 else "other",
        )
        for number in range(10)
    ]
    jsonl.write(folder / "train.jsonl", rows)
    jsonl.write(
        folder / "dev.jsonl", [example(f"d{n}", f"And {WORDS[n]}?", "Wait, then stir.") for n in range(3)]
    )
    jsonl.write(folder / "test.jsonl", [])
    return folder


@pytest.fixture(scope="module")
def fixed_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for tests that change nothing in it."""
    return write_dataset(tmp_path_factory.mktemp("fixed") / "dataset")
