"""One training from start to end, or from where it was killed: loads, loops, evaluates and saves.

A run that was killed, at any moment, and started again leaves the same bytes as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped, Example, Prompt
from handful.models.layout import add_eot
from handful.models.load import compute_dtype, fast_float32, load_model, load_tokenizer, pick_device
from handful.recipe.training import Train
from handful.run.progress import progress
from handful.train import checkpoints
from handful.train.attention import prove_packing
from handful.train.checkpoints import State, epoch_folder
from handful.train.dev import DevSample, Epoch, answers, dev_loss
from handful.train.dropout import add_residual_dropout
from handful.train.loop import Step, Trainee, adamw, steps
from handful.train.loss import head_of
from handful.train.masking import Document, by_source, encode
from handful.train.schedule import Batch, batches


@dataclass(frozen=True, slots=True)
class Texts:
    """The dataset as the model sees it."""

    train: list[Document]
    dev: list[Document]
    prompts: list[Prompt]
    """Dev prompts to answer after each epoch."""
    truncated: list[Dropped]


def run(params: Train, dataset: Path, out: Path) -> dict[str, Any]:
    """Train, and return the counts for the manifest."""
    examples = list(jsonl.read(dataset / "train.jsonl", Example))
    if not examples:
        raise DataError(f"{dataset / 'train.jsonl'}: holds no examples, so there is nothing to train on")
    dev = list(jsonl.read(dataset / "dev.jsonl", Example))
    state = checkpoints.latest(out)
    tokenizer, model, eot_id = load(params, out, state)
    context = getattr(model.config, "max_position_embeddings", None) or params.max_tokens
    texts = encode_all(params, examples, dev, tokenizer, eot_id, min(params.max_tokens, context))
    plan = batches(len(texts.train), params)
    if is_finished(out, plan):
        checkpoints.forget(out)
    else:
        trainee = prepare(params, model, out, state)
        if state is None:
            checkpoints.check_room(out, plan[-1].epoch, model.num_parameters())
        train(params, trainee, tokenizer, eot_id, texts, plan, state, out)
    jsonl.write(out / "truncated.jsonl", texts.truncated)
    return counts(texts, plan, model.num_parameters(), out)


def load(params: Train, out: Path, state: State | None) -> tuple[Any, Any, int]:
    """Tokenizer, float32 model and the EOT's id: the base model with a new token, or the weights to go on from."""
    device = pick_device(params.device)
    source = str((out / state.weights).resolve()) if state else params.model
    tokenizer, model = load_tokenizer(source), load_model(source, device, torch.float32)
    if state is None:
        return tokenizer, model, add_eot(model, tokenizer, params.eot_token, params.eot_init)
    return tokenizer, model, int(tokenizer.convert_tokens_to_ids(params.eot_token))


def encode_all(
    params: Train, examples: list[Example], dev: list[Example], tokenizer: Any, eot_id: int, limit: int
) -> Texts:
    """Every example as at most `limit` tokens. Raises DataError where none has anything left to learn."""
    documents, cut = encode(examples, tokenizer, eot_id, limit, params.loss_on)
    dev_documents, dev_cut = encode(dev, tokenizer, eot_id, limit, params.loss_on)
    if not documents:
        raise DataError(
            f"none of the {len(examples)} training examples has a response within {limit} tokens; "
            f"train.max_tokens is {params.max_tokens}"
        )
    fitting = {document.id for document in dev_documents}
    prompts = [example.prompt() for example in dev if example.id in fitting][: params.dev_samples]
    return Texts(documents, dev_documents, prompts, cut + dev_cut)


def prepare(params: Train, model: Any, out: Path, state: State | None) -> Trainee:
    """Prove that the model can be trained as asked, and give it an optimizer."""
    device = pick_device(params.device)
    if device == "cpu":
        fast_float32()
    prove_packing(model)
    head = head_of(model)
    add_residual_dropout(model, params.residual_dropout)
    optimizer = adamw(model, params)
    if state is not None:
        checkpoints.load_moments(model, optimizer, out, state.step)
    return Trainee(model, head, optimizer, device, compute_dtype(params.precision, device))


def train(
    params: Train,
    trainee: Trainee,
    tokenizer: Any,
    eot_id: int,
    texts: Texts,
    plan: Sequence[Batch],
    state: State | None,
    out: Path,
) -> None:
    """Take the steps that are left; after each epoch save, evaluate, and remember where we are."""
    done, epochs_done = (state.step, state.epochs_done) if state else (0, 0)
    cut_back(out, done, epochs_done, fresh=state is None)
    model = trainee.model

    def evaluate(epoch: int, step: int) -> None:
        if epoch > 0:
            jsonl.append(
                out / "dev_samples.jsonl", answers(trainee, tokenizer, eot_id, texts.prompts, epoch, params)
            )
        loss, tokens = dev_loss(trainee, texts.dev, params.pack_tokens)
        jsonl.append(
            out / "epochs.jsonl", [Epoch(epoch, step, loss, tokens)]
        )  # last: it says the epoch is done

    if state is None:
        evaluate(0, 0)
    with progress("training", len(plan), "steps") as advance:
        advance(done)
        start = time.perf_counter()
        for batch, record in zip(plan[done:], steps(trainee, texts.train, plan[done:], params), strict=True):
            jsonl.append(out / "steps.jsonl", [record])
            seconds = time.perf_counter() - start
            advance(note=f"loss {record.loss:.2f}, {record.tokens / seconds:,.0f} tok/s")
            if batch.ends_epoch:
                checkpoints.save_model(model, tokenizer, out / epoch_folder(batch.epoch))
                evaluate(batch.epoch, batch.step)
            if batch.step < len(plan) and (batch.ends_epoch or batch.step % params.save_every == 0):
                weights = epoch_folder(batch.epoch) if batch.ends_epoch else ""
                finished = batch.epoch if batch.ends_epoch else batch.epoch - 1
                checkpoints.save_state(
                    out, batch.step, finished, weights, model, tokenizer, trainee.optimizer
                )
            start = time.perf_counter()
    checkpoints.forget(out)


def cut_back(out: Path, step: int, epoch: int, fresh: bool) -> None:
    """Forget what was recorded after `step` and `epoch`: it is done again, to the same bytes."""
    kept: tuple[tuple[str, type[Any], Callable[[Any], bool]], ...] = (
        ("steps.jsonl", Step, lambda record: record.step <= step),
        ("epochs.jsonl", Epoch, lambda record: record.epoch <= epoch and not fresh),
        ("dev_samples.jsonl", DevSample, lambda record: record.epoch <= epoch),
    )
    for name, kind, keep in kept:
        records = jsonl.recover(out / name, kind)
        jsonl.write(out / name, filter(keep, records))
    checkpoints.remove_epochs(out, after=epoch)


def is_finished(out: Path, plan: Sequence[Batch]) -> bool:
    """Whether a run before this one did everything, and was killed before it could say so."""
    epochs = jsonl.recover(out / "epochs.jsonl", Epoch)
    last = plan[-1]
    return bool(epochs) and epochs[-1].step == last.step and (out / epoch_folder(last.epoch)).is_dir()


def counts(texts: Texts, plan: Sequence[Batch], parameters: int, out: Path) -> dict[str, Any]:
    first = next(iter(jsonl.read(out / "steps.jsonl", Step)))
    return {
        "examples": len(texts.train),
        "tokens": sum(len(document.ids) for document in texts.train),
        "response_tokens": sum(document.spoken for document in texts.train),
        "truncated": len(texts.truncated),
        "steps": len(plan),
        "epochs": plan[-1].epoch,
        "parameters": parameters,
        "first_step_loss": first.loss,
        "tokens_by_source": by_source(texts.train),
    }
