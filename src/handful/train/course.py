"""One training from start to end, or from where it was killed: loads, loops, evaluates and saves.

A run that was killed, at any moment, and started again leaves the same bytes as one that was not. With many processes
each runs this; the first one writes and reports.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Dropped, Example, Prompt
from handful.models.layout import add_eot
from handful.models.load import (
    compute_dtype,
    fast_float32,
    load_model,
    load_shape,
    load_tokenizer,
    pick_device,
)
from handful.recipe.training import Train
from handful.run.progress import progress
from handful.train import card, checkpoints
from handful.train.attention import prove_packing
from handful.train.checkpoints import State, epoch_folder
from handful.train.dev import (
    DevSample,
    Epoch,
    Noisy,
    answers,
    dev_loss,
    dropout_warning,
    evaluated,
    noisy_loss,
)
from handful.train.distributed import Ranks, led, ranks
from handful.train.dropout import add_residual_dropout
from handful.train.loop import Step, Trainee, adamw, steps
from handful.train.lora import add_adapters, load_trained, with_row
from handful.train.loss import head_of
from handful.train.masking import Document, by_source, encode
from handful.train.parts import Stored, as_stored, holds_all, spread
from handful.train.schedule import Batch, batches
from handful.train.shortage import memory_told
from handful.train.tracking import watching


@dataclass(frozen=True, slots=True)
class Texts:
    """The dataset as the model sees it."""

    train: list[Document]
    dev: list[Document]
    prompts: list[Prompt]
    """Dev prompts to answer after each epoch."""
    truncated: list[Dropped]


def run(params: Train, dataset: Path, out: Path) -> dict[str, Any]:
    """Train, and return the counts for the manifest: those of the first process, where there are many."""
    together = ranks()
    with memory_told(params, together.size):
        return run_together(params, dataset, out, together)


def run_together(params: Train, dataset: Path, out: Path, together: Ranks) -> dict[str, Any]:
    examples = list(jsonl.read(dataset / "train.jsonl", Example))
    if not examples:
        raise DataError(f"{dataset / 'train.jsonl'}: holds no examples, so there is nothing to train on")
    dev = list(jsonl.read(dataset / "dev.jsonl", Example))
    state = checkpoints.latest(out, together)
    stored = checkpoints.stored(out, state) if state else None
    tokenizer, model, eot_id = load(params, out, state, stored, together)
    parameters = model.num_parameters()
    context = getattr(model.config, "max_position_embeddings", None) or params.max_tokens
    texts = encode_all(params, examples, dev, tokenizer, eot_id, min(params.max_tokens, context))
    plan = batches(len(texts.train), params)
    if not together.agree(together.leads and is_finished(out, plan)):
        if state is None and together.leads:
            checkpoints.check_room(out, plan[-1].epoch if params.keep == "all" else 2, parameters)
        trainee = prepare(params, model, eot_id, stored, together)
        train(params, trainee, tokenizer, eot_id, texts, plan, state, out)
    if not together.leads:
        return {}
    checkpoints.forget(out)
    if params.keep == "last":
        checkpoints.remove_epochs(out, before=plan[-1].epoch)
    jsonl.write(out / "truncated.jsonl", texts.truncated)
    counted = counts(texts, plan, parameters, out)
    card.write(params, counted, dataset, out)
    return counted


def load(
    params: Train, out: Path, state: State | None, stored: Stored | None, together: Ranks
) -> tuple[Any, Any, int]:
    """Tokenizer, float32 model and the EOT's id: the base model with a new token, or the weights to go on from.

    A run with adapters goes on from the base: `prepare` puts the stored adapters in. With many processes the first one
    has the base on the CPU, and the others only its shape; stored weights are nobody's until `prepare`.
    """
    device = pick_device(params.device) if together.size == 1 else "cpu"
    from_base = state is None or params.lora_rank > 0
    source = params.model if from_base or state is None else str((out / state.weights).resolve())
    tokenizer = load_tokenizer(source)
    if not together.leads:
        model = load_shape(source)
    elif from_base or stored is None:
        model = load_model(source, device, torch.float32)
    else:
        model = load_shape(source, weights_only=True)
        if not holds_all(stored, model):  # stored under other names: transformers knows which
            model = load_model(source, device, torch.float32)
        elif together.size == 1:
            model = as_stored(model, stored).to(device)
    if from_base:
        return tokenizer, model, add_eot(model, tokenizer, params.eot_token, params.eot_init)
    return tokenizer, model, int(tokenizer.convert_tokens_to_ids(params.eot_token))


def encode_all(
    params: Train, examples: list[Example], dev: list[Example], tokenizer: Any, eot_id: int, limit: int
) -> Texts:
    """Every example as at most `limit` tokens. Raises DataError where none has anything left to learn."""
    documents, cut = encode(examples, tokenizer, eot_id, limit, params.loss_on, params.prompt_weight)
    dev_documents, dev_cut = encode(dev, tokenizer, eot_id, limit, params.loss_on, params.prompt_weight)
    if not documents:
        raise DataError(
            f"none of the {len(examples)} training examples has a response within {limit} tokens; "
            f"train.max_tokens is {params.max_tokens}"
        )
    fitting = {document.id for document in dev_documents}
    prompts = [example.prompt() for example in dev if example.id in fitting][: params.dev_samples]
    return Texts(documents, dev_documents, prompts, cut + dev_cut)


def prepare(params: Train, model: Any, eot_id: int, stored: Stored | None, together: Ranks) -> Trainee:
    """Prove that the model can be trained as asked, spread it over the processes, and give it an optimizer.

    Processes without weights prove nothing; of a run that goes on it was proved when it began.
    """
    device = pick_device(params.device)
    if device == "cpu":
        fast_float32()
    real = not any(weight.is_meta for weight in model.parameters())
    if real:
        prove_packing(model)
    head = head_of(model, prove=real)
    if params.lora_rank > 0:
        add_adapters(model, eot_id, params)
        head = with_row(head, model)
        if stored is not None and together.leads:
            load_trained(model, checkpoints.adapters(stored))
    add_residual_dropout(model, params.residual_dropout, prove=real)
    if params.gradient_checkpointing:
        checkpoint_activations(model)
    root = None if together.size == 1 else spread(model, device, stored, together)
    optimizer = adamw(model, params)
    if stored is not None:
        checkpoints.load_moments(model, optimizer, stored, together)
    if root is not None:  # or the whole weights would stay in memory
        layer = model.get_output_embeddings()
        head = replace(head, weight=layer.weight, bias=layer.bias)
        head = head if head.row is None else with_row(head, model)
    dtype = compute_dtype(params.precision, device)
    return Trainee(model, head, optimizer, device, dtype, together, root)


def checkpoint_activations(model: Any) -> None:
    """Keep only what enters each layer, and compute the layer again in the backward pass, with the same dropout."""
    if not model.supports_gradient_checkpointing:
        raise DataError(
            f"train.gradient_checkpointing: {type(model).__name__} does not do it; set it to false, and lower "
            "train.pack_tokens if memory is short"
        )
    model.activation_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": True})


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
    model, together = trainee.model, trainee.ranks
    if together.leads:
        cut_back(out, done, epochs_done, fresh=state is None)

    def evaluate(epoch: int, step: int) -> None:
        samples: list[DevSample] | None = []
        if epoch > 0:
            samples = led(
                trainee.root,
                model,
                together,
                lambda: answers(trainee, tokenizer, eot_id, texts.prompts, epoch, params),
            )
        loss, tokens = dev_loss(trainee, texts.dev, params.pack_tokens)
        noisy = None if epoch > 0 else loss_with_dropout(params, trainee, texts, plan)
        if together.leads:
            assert samples is not None
            record = evaluated(epoch, step, loss, tokens, noisy)
            jsonl.append(out / "dev_samples.jsonl", samples)
            watch.evaluation(record, samples)
            jsonl.append(out / "epochs.jsonl", [record])  # last: it says the epoch is done

    lengths = [len(document.ids) for document in texts.train]
    with ExitStack() as stack:
        if together.leads:
            watch = stack.enter_context(
                watching(params, model, trainee.dtype, lengths, out, done, epochs_done, together.size)
            )
            advance = stack.enter_context(progress("training", len(plan), "steps"))
            advance(done)
        if state is None:
            evaluate(0, 0)
        start = time.perf_counter()
        for batch, record in zip(plan[done:], steps(trainee, texts.train, plan[done:], params), strict=True):
            if together.leads:
                jsonl.append(out / "steps.jsonl", [record])
                advance(note=watch.step(record, time.perf_counter() - start))
            if batch.ends_epoch:
                checkpoints.save_model(model, tokenizer, out / epoch_folder(batch.epoch), together)
                evaluate(batch.epoch, batch.step)
            if batch.step < len(plan) and (batch.ends_epoch or batch.step % params.save_every == 0):
                remember(params, trainee, tokenizer, batch, out)
            start = time.perf_counter()


def remember(params: Train, trainee: Trainee, tokenizer: Any, batch: Batch, out: Path) -> None:
    """Make the batch just done the place to go on from; then older checkpoints may go, if only the last is kept."""
    weights = epoch_folder(batch.epoch) if batch.ends_epoch else ""
    finished = batch.epoch if batch.ends_epoch else batch.epoch - 1
    model, together = trainee.model, trainee.ranks
    checkpoints.save_state(out, batch.step, finished, weights, model, tokenizer, trainee.optimizer, together)
    if params.keep == "last" and together.leads:
        checkpoints.remove_epochs(out, before=finished)


def loss_with_dropout(params: Train, trainee: Trainee, texts: Texts, plan: Sequence[Batch]) -> Noisy | None:
    """The untrained model's loss under residual dropout, on the dev set or else on the first batch. Says it where
    dropout costs much. None where there is no dropout."""
    if params.residual_dropout == 0:
        return None
    documents = texts.dev or [texts.train[place] for place in plan[0].places]
    noisy = noisy_loss(trainee, documents, params)
    warning = dropout_warning(noisy, params.residual_dropout)
    if warning and trainee.ranks.leads:
        print(warning, file=sys.stderr, flush=True)
    return noisy


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
