"""Run as a program: trains tiny networks by 1, 2 and 4 processes and leaves what each came to, for test_distributed
and test_parts.

    python many.py FOLDER

Processes are forks of this one, which has the libraries imported and has computed nothing yet: so they start at once.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import peft
import torch
from safetensors.torch import save_file
from transformers import Gemma3ForCausalLM, GPT2LMHeadModel, LlamaForCausalLM, Qwen3ForCausalLM

from handful.models.load import load_shape
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train import checkpoints, course, lora, parts, plain
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
SAVED = ("llama", "adapters")
READ = {1: [("adapters", 2)], 2: [("llama", 4)], 4: [("llama", 2)]}
"""Processes -> the states that they go on from: case, and how many had written it."""
KILLED = -2
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
    trainee = course.prepare(params, network(build(family), together.leads), 5, None, together)
    records = list(steps(trainee, texts, batches(len(texts), params), params))
    loss, _ = dev_loss(trainee, texts[:5], 16)
    tensors = together.gather(named_whole(trainee.model))
    if together.leads:
        tensors = lora.merged(trainee.model, tensors) if params.lora_rank else tensors
        kept = {key: tensor.contiguous().clone() for key, tensor in tensors.items()}
        save_file(kept, out / f"{name}-{together.size}.safetensors")
        told = {"losses": [r.loss for r in records], "norms": [r.grad_norm for r in records], "dev": loss}
        (out / f"{name}-{together.size}.json").write_text(json.dumps(told))
    if name in SAVED:
        save(trainee, out / f"{name}-{together.size}", together)


class NoTokenizer:
    def save_pretrained(self, folder: Path) -> None:
        pass


def save(trainee, out: Path, together) -> None:
    """An epoch's checkpoint and a state, in files so small that there are several."""
    plain.SHARD_BYTES, parts.PART_BYTES = 20_000, 30_000
    model, optimizer = trainee.model, trainee.optimizer
    checkpoints.save_model(model, NoTokenizer(), out / "epoch-01", together)
    checkpoints.save_state(out, 4, 1, "", model, NoTokenizer(), optimizer, together)


def read_back(name: str, writers: int, together, build, out: Path) -> None:
    """Go on from the state that another number of processes left, and leave all that was read."""
    family, params = CASES[name]
    folder = out / f"{name}-{writers}"
    while not checkpoints.state_folder(folder, 4).is_dir():
        time.sleep(0.05)
    state = checkpoints.latest(folder, together)
    if params.lora_rank:  # goes on from the base
        model = network(build(family), together.leads)
    else:
        model = load_shape(str(folder / state.weights), weights_only=together.leads)
    trainee = course.prepare(params, model, 5, checkpoints.stored(folder, state), together)
    held = dict(checkpoints.moments(model, trainee.optimizer)) | dict(named_whole(model))
    tensors = together.gather(held.items())
    texts = documents(params.prompt_weight > 0)
    loss, _ = dev_loss(trainee, texts[:5], 16)
    if together.leads:
        kept = {key: tensor.contiguous().clone() for key, tensor in tensors.items()}
        save_file(kept, out / f"{name}-read-by-{together.size}.safetensors")
        (out / f"{name}-read-by-{together.size}.json").write_text(json.dumps({"dev": loss}))


def killed_while_saving(rank: int, build, out: Path) -> None:
    """Of two processes the second is killed once its part of the second state is written."""
    with met("cpu", rank, 2, rank, f"file://{out}/store-killed") as together:
        family, params = CASES["llama"]
        trainee = course.prepare(params, network(build(family), together.leads), 5, None, together)
        folder = out / "killed"
        checkpoints.save_state(folder, 4, 1, "", trainee.model, NoTokenizer(), trainee.optimizer, together)
        if rank == 1:
            parts.file_hash = lambda file: os.kill(os.getpid(), signal.SIGKILL)
        try:
            checkpoints.save_state(
                folder, 8, 2, "", trainee.model, NoTokenizer(), trainee.optimizer, together
            )
        except RuntimeError:  # as the line to the other breaks
            os._exit(0)


def builder():
    """The networks of conftest, but of two layers."""
    spec = importlib.util.spec_from_file_location(
        "conftest_of_train", Path(__file__).with_name("conftest.py")
    )
    assert spec
    assert spec.loader
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)

    def build(family: str):
        changes = {"n_layer": 2} if family == "gpt2" else {"num_hidden_layers": 2}
        kinds = {"layer_types": ["sliding_attention", "full_attention"]} if family == "gemma3" else {}
        return conftest.random_network(family, **changes, **kinds)

    return build


def take_part(rank: int, size: int, build, out: Path) -> None:
    torch.set_num_threads(1)
    course.fast_float32 = lambda: False  # float32 as exact as it gets
    if size == KILLED:
        killed_while_saving(rank, build, out)
        return
    if size == 1:
        for name in BY_SIZE[1]:
            train(name, ALONE, build, out)
        for name, writers in READ[1]:
            read_back(name, writers, ALONE, build, out)
        return
    with met("cpu", rank, size, rank, f"file://{out}/store-{size}") as together:
        for name in BY_SIZE[size]:
            train(name, together, build, out)
        for name, writers in READ[size]:
            read_back(name, writers, together, build, out)


def main(out: Path) -> int:
    children = {}
    build = builder()
    for size, count in [*((size, size) for size in BY_SIZE), (KILLED, 2)]:
        for rank in range(count):
            child = os.fork()
            if child == 0:
                take_part(rank, size, build, out)
                os._exit(0)
            children[child] = size, rank
    ended = {who: os.waitpid(child, 0)[1] for child, who in children.items()}
    return sum(status != (signal.SIGKILL if who == (KILLED, 1) else 0) for who, status in ended.items())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) != 0)
