"""Models and tokenizers by reference: an embedded model's name, a folder, or a Hugging Face hub name.

Weights are read from safetensors only, and code that comes with a model is never run. A hub name is looked up in
the local hub cache and then, unless `HF_HUB_OFFLINE` is set, on the hub.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging as untyped_logging

from handful.core.errors import DataError, MissingModel
from handful.models.embedded import EMBEDDED, folder_of

HUB_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
NOT_NEEDED = ["*/*", "consolidated*"]  # second copies of the weights, in other formats
MAX_FLOAT32_ERROR = 1e-6

logging: Any = untyped_logging


def resolve(ref: str) -> Path:
    """The folder of a model.

    Raises:
        MissingModel: there is none on this machine, and none to be had; says what to type.
    """
    if ref in EMBEDDED:
        return folder_of(ref)
    if ref.startswith(("/", ".", "~")):
        return _local_folder(ref)
    return _hub_folder(ref)


def _local_folder(ref: str) -> Path:
    folder = Path(ref).expanduser()
    if not folder.is_dir():
        raise MissingModel(f"{ref}: no such model folder")
    if not (folder / "config.json").exists():
        raise MissingModel(f"{ref}: is not a model folder: it holds no config.json")
    return folder


def _hub_folder(name: str) -> Path:
    if (Path(name) / "config.json").exists():
        raise MissingModel(
            f'model {name!r}: names a model of the hub; for the folder of that name, write "./{name}"'
        )
    try:
        with quietly():
            found = snapshot_download(name, allow_patterns=HUB_FILES, ignore_patterns=NOT_NEEDED)
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise MissingModel(_how_to_get(name, error)) from error
    folder = Path(found)
    if not list(folder.glob("*.safetensors")):
        raise MissingModel(f"{name}: has no *.safetensors, and no other format of weights is read")
    return folder


def _how_to_get(name: str, error: Exception) -> str:
    close = difflib.get_close_matches(name, EMBEDDED, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return (
        f"model {name!r}: {hint}it is not one of the embedded models ({', '.join(EMBEDDED)}), not a folder "
        f'(those start with "/", "." or "~"), and not in the Hugging Face cache; the hub said: {_first_line(error)}. '
        f"With a network, run: hf download {name}"
    )


def load_tokenizer(ref: str) -> Any:
    """The tokenizer of a model: a `PreTrainedTokenizerFast`."""
    folder = resolve(ref)
    with quietly():
        try:
            return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise DataError(f"{folder}: its tokenizer cannot be read: {_first_line(error)}") from error


def load_model(ref: str, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Any:
    """A causal language model in eval mode, its weights in `dtype`, on `device` ("cpu" or "cuda")."""
    folder = resolve(ref)
    with quietly():
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, use_safetensors=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            raise DataError(f"{folder}: its model cannot be read: {_first_line(error)}") from error
    return model.to(device).eval()


def load_shape(ref: str, weights_only: bool = False) -> Any:
    """The same model without its weights: all tensors have a shape only (torch's device "meta").

    Args:
        weights_only: all but the weights is real, such as the angles of rotary embeddings, and generation settings are
            as stored: what is missing to be the model are the weights.
    """
    folder = resolve(ref)
    with quietly():
        try:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            with _no_weights() if weights_only else torch.device("meta"):
                build: Any = AutoModelForCausalLM.from_config
                model = build(config, dtype=torch.float32, trust_remote_code=False)
            if weights_only:
                model.tie_weights()  # they came apart as they were made
                model.generation_config = GenerationConfig.from_pretrained(folder)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise DataError(f"{folder}: its model cannot be read: {_first_line(error)}") from error
    return model.eval()


def _no_weights() -> Any:
    from accelerate import init_empty_weights  # type: ignore[import-untyped]

    return init_empty_weights(include_buffers=False)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def pick_device(device: str) -> str:
    """ "cpu" or "cuda". "auto" is a GPU where there is one."""
    if device == "cuda" and not torch.cuda.is_available():
        raise DataError('device: "cuda" is asked for, but torch finds no GPU here; use "cpu" or "auto"')
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def compute_dtype(precision: str, device: str) -> torch.dtype:
    """The type to compute in. "auto" is bfloat16 where the hardware multiplies it fast, float32 elsewhere."""
    if precision == "auto":
        fast = (
            torch.cuda.is_bf16_supported(including_emulation=False)
            if device == "cuda"
            else cpu_has_bfloat16()
        )
        return torch.bfloat16 if fast else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


@cache
def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX-512 BF16 or AMX). Elsewhere it is slower than float32."""
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return False
    return bool(words & {"avx512_bf16", "amx_bf16"})


@cache
def fast_float32() -> bool:
    """Let float32 products on the CPU take the faster library, if they stay float32; whether they do.

    On AMD, torch's default runs at less than half the chip's speed; "medium" mends that. Where the chip has AMX it
    would mean bfloat16 instead, so the error is measured first. Changes nothing on a GPU machine.
    """
    if torch.cuda.is_available():
        return False
    before = torch.get_float32_matmul_precision()
    a, b = (torch.randn(256, 256, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    exact = a.double() @ b.double()
    torch.set_float32_matmul_precision("medium")
    error = ((a @ b).double() - exact).norm() / exact.norm()
    if error > MAX_FLOAT32_ERROR:
        torch.set_float32_matmul_precision(before)
        return False
    return True


@contextmanager
def quietly() -> Iterator[None]:
    """Without the libraries' own progress bars and advice: a stage reports its progress itself."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
