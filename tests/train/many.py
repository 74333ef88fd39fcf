"""Run as a program: trains tiny networks by 1, 2 and 4 processes and leaves what each came to, for test_distributed.

    python many.py FOLDER

Processes are forks of this one, which has the libraries imported and has computed nothing yet: so they start at once.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
from dataclasses import replace
from pathlib import Path

import peft
import torch
from safetensors.torch import save_file
from transformers import Gemma3ForCausalLM, GPT2LMHeadModel, LlamaForCausalLM, Qwen3ForCausalLM

from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train import course, lora
from handful.train.dev import dev_loss
from handful.train.distributed import ALONE, met, named_whole
from handful.train.loop import steps
from handful.train.masking import IGNORED, Document
from handful.train.schedule import batches

PLAIN = Train(
    model=ModelRef("none"),
    batch_size=4,
    max_steps=4,
    learning_rate=1e-3,
    residual_dropout=0.0,
    pack_tokens=24,
    precision="float32",
    device="cpu",
)
IMPORTED = (
    peft,
    Gemma3ForCausalLM,
    GPT2LMHeadModel,
    LlamaForCausalLM,
    Qwen3ForCausalLM,
)  # once, not in each fork
DROPPED = replace(PLAIN, residual_dropout=0.3)
CASES: dict[str, tuple[str, Train]] = {
    "llama": ("llama", PLAIN),
    "gemma3": ("gemma3", PLAIN),
    "gpt2": ("gpt2", PLAIN),
    "untied, weighted": ("qwen3", replace(PLAIN, prompt_weight=0.5)),
    "batch of 2": ("llama", replace(PLAIN, batch_size=2, pack_tokens=64)),
    "bfloat16": ("llama", replace(PLAIN, precision="bfloat16")),
    "dropout": ("gemma3", DROPPED),
    "dropout checkpointed": ("gemma3", replace(DROPPED, gradient_checkpointing=True)),
    "adapters": ("llama", replace(PLAIN, lora_rank=2)),
}
BY_SIZE = {1: [*CASES], 2: [*CASES], 4: ["llama", "batch of 2", "dropout", "dropout checkpointed"]}


def documents(weighted: bool) -> list[Document]:
    """Twelve, of 3 to 20 tokens, of which one to nearly all are labelled."""
    rng = random.Random(0)
    found = []
    for number in range(12):
        ids = tuple(rng.randrange(3, 97) for _ in range(rng.randint(3, 20)))
        prompt = 1 if number % 3 == 0 else rng.randint(1, len(ids) - 1)
        targets = [t if weighted or place >= prompt else IGNORED for place, t in enumerate(ids[1:], 1)]
        weights = tuple([0.5] * (prompt - 1) + [1.0] * (len(ids) - prompt) + [0.0]) if weighted else ()
        found.append(Document(f"e{number}", "x", ids, (*targets, IGNORED), len(ids) - prompt, weights))
    return found


def network(whole, leads: bool):
    """The first process has the weights; the others know only how large they are."""
    if leads:
        return whole
    with torch.device("meta"):
        return type(whole)(whole.config).eval()


def train(name: str, together, build, out: Path) -> None:
    family, params = CASES[name]
    texts = documents(params.prompt_weight > 0)
    trainee = course.prepare(params, network(build(family), together.leads), 5, out, None, together)
    records = list(steps(trainee, texts, batches(len(texts), params), params))
    loss, _ = dev_loss(trainee, texts[:5], 16)
    tensors = together.gather(named_whole(trainee.model))
    if together.leads:
        tensors = lora.merged(trainee.model, tensors) if params.lora_rank else tensors
        kept = {key: tensor.contiguous().clone() for key, tensor in tensors.items()}
        save_file(kept, out / f"{name}-{together.size}.safetensors")
        told = {"losses": [r.loss for r in records], "norms": [r.grad_norm for r in records], "dev": loss}
        (out / f"{name}-{together.size}.json").write_text(json.dumps(told))


def take_part(rank: int, size: int, out: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "conftest_of_train", Path(__file__).with_name("conftest.py")
    )
    assert spec
    assert spec.loader
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    torch.set_num_threads(1)
    course.fast_float32 = lambda: False  # float32 as exact as it gets
    build = conftest.random_network
    if size == 1:
        for name in BY_SIZE[1]:
            train(name, ALONE, build, out)
        return
    with met("cpu", rank, size, rank, f"file://{out}/store-{size}") as together:
        for name in BY_SIZE[size]:
            train(name, together, build, out)


def main(out: Path) -> int:
    children = []
    for size in BY_SIZE:
        for rank in range(size):
            child = os.fork()
            if child == 0:
                take_part(rank, size, out)
                os._exit(0)
            children.append(child)
    return max(os.waitpid(child, 0)[1] for child in children)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) != 0)
