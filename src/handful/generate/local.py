"""Answers by a model on this machine: a checkpoint of ours, or its base model without or with a few examples.

Asks are sorted by length and cut into batches once, so that an interrupted run makes the same batches, and the same
bytes, when it goes on. A prompt that leaves too little room for an answer loses its beginning, on record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.core.types import Dropped, Example, Finish, Response, Turn
from handful.generate.systems import Answers, Ask, Given, Group, Key
from handful.models.layout import (
    FEW_SHOT_STOP,
    chat_template,
    encode_plain,
    encode_prompt,
    end_ids,
    few_shot_prompt,
    plain_prompt,
    start_ids,
)
from handful.models.load import compute_dtype, fast_float32, load_model, load_tokenizer, pick_device
from handful.models.sampling import Output, Sampling, sample
from handful.recipe.systems import BaseSystem, CheckpointSystem, FewShotSystem

MIN_ROOM = 64
"""Tokens that a prompt leaves for its answer, or a quarter of the window where that is less."""
STOP_TAIL = 16
"""Tokens that the stop string surely fits into."""

Encode = Callable[[Sequence[Turn]], list[int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """An ask as the model sees it."""

    ask: Ask
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of system is asked, and how its answer is read."""

    encode: Encode
    ends: Mapping[int, Finish]
    stop: str = ""
    """A string that ends the answer and is not part of it."""


def answers(given: Given) -> Answers:
    """Load the model and lay out the work. The answers are computed as they are asked for."""
    device = pick_device(given.params.device)
    dtype = compute_dtype(given.params.precision, device)
    if device == "cpu" and dtype == torch.float32:
        fast_float32()
    model_ref = model_ref_of(given)
    tokenizer = load_tokenizer(model_ref)
    model = load_model(model_ref, device, dtype)
    format, notes = format_of(given, model, tokenizer)
    sampling = sampling_of(given)
    window, start = window_of(model, sampling), len(start_ids(tokenizer))
    truncated: list[Dropped] = []

    def groups(asks: Sequence[Ask], done: Collection[Key]) -> Iterator[Group]:
        asked, cut = _fit(asks, format.encode, window, start)
        truncated.extend(cut)
        return _groups(given, model, tokenizer, format, sampling, asked, done)

    return Answers(groups, truncated, notes=notes)


def model_ref_of(given: Given) -> str:
    if isinstance(given.system, CheckpointSystem) and given.system.model:
        return given.system.model
    if isinstance(given.system, CheckpointSystem):
        assert given.train is not None
        # Whole, since a relative folder would read as a name of the hub.
        return str(checkpoint(given.train, given.system.epoch or given.chosen).absolute())
    assert isinstance(given.system, BaseSystem | FewShotSystem)
    return given.system.model


def checkpoint(train: Path, epoch: int) -> Path:
    """The checkpoint folder of an epoch; 0 stands for the last.

    Raises:
        DataError: there is no such epoch; says which there are.
    """
    found = {int(folder.name.removeprefix("epoch-")): folder for folder in sorted(train.glob("epoch-*"))}
    wanted = epoch or max(found, default=0)
    if wanted not in found:
        there = ", ".join(map(str, found)) or "none"
        raise DataError(f"{train}: holds no checkpoint of epoch {epoch}; those there: {there}")
    return found[wanted]


def format_of(given: Given, model: Any, tokenizer: Any) -> tuple[Format, dict[str, str]]:
    ids = end_ids(model)
    if isinstance(given.system, CheckpointSystem):
        check_ours(given.system.model, ids, tokenizer)
        eot_id, *others = ids
        ends: dict[int, Finish] = {eot_id: "eot", **dict.fromkeys(others, "eos")}
        return Format(lambda turns: encode_prompt(turns, tokenizer, eot_id), ends), {}
    ends = dict.fromkeys(ids, "eos")
    if isinstance(given.system, BaseSystem):
        return Format(lambda turns: encode_plain(plain_prompt(turns), tokenizer), ends), {}
    assert isinstance(given.system, FewShotSystem)
    shown = choose_examples(given, given.system, tokenizer)
    context = few_shot_prompt([Turn("user", "{prompt}")], shown)
    encode: Encode = lambda turns: encode_plain(few_shot_prompt(turns, shown), tokenizer)  # noqa: E731
    return Format(encode, ends, stop=FEW_SHOT_STOP), {"context.md": context}


def check_ours(folder: str, ids: Sequence[int], tokenizer: Any) -> None:
    """Raise DataError where the model is none of our trainings: asked in our layout, it would answer beside itself."""
    eot = tokenizer.convert_ids_to_tokens(ids[0]) if ids else ""
    if not ids or tokenizer.chat_template != chat_template(tokenizer, eot):
        raise DataError(
            f"{folder}: is no checkpoint of a training of ours, which has our chat template; a model of others is "
            'asked with kind = "base", or behind a server that knows its template with kind = "endpoint"'
        )


def choose_examples(given: Given, system: FewShotSystem, tokenizer: Any) -> list[Example]:
    """The first of a seeded shuffle of the single-turn examples that fit together into `max_context_tokens`.

    Raises:
        DataError: none fits.
    """
    pool = [example for example in given.examples if _showable(example)]
    rng_for(given.params.seed, "generate", "few_shot").shuffle(pool)
    shown: list[Example] = []
    for example in pool:
        if len(shown) == system.examples:
            break
        context = few_shot_prompt([Turn("user", "")], [*shown, example])
        if len(encode_plain(context, tokenizer)) <= system.max_context_tokens:
            shown.append(example)
    if not shown and system.examples:
        raise DataError(
            f"generate.systems.{given.name}: none of {len(pool)} single-turn training examples fits into "
            f"max_context_tokens = {system.max_context_tokens}"
        )
    return shown


def _showable(example: Example) -> bool:
    single = len(example.turns) == 2
    return single and not any(FEW_SHOT_STOP.strip() in turn.text for turn in example.turns)


def sampling_of(given: Given) -> Sampling:
    params = given.params
    return Sampling(
        temperature=params.temperature,
        top_p=params.top_p,
        repetition_penalty=params.repetition_penalty,
        penalty_scope=params.penalty_scope,
        max_tokens=params.max_tokens,
        limit=params.limit,
    )


def window_of(model: Any, sampling: Sampling) -> int | None:
    """How many tokens prompt and answer may have together, or None where nothing says so."""
    limits = [getattr(model.config.get_text_config(), "max_position_embeddings", None)]
    if sampling.limit == "total":
        limits.append(sampling.max_tokens)
    return min((limit for limit in limits if limit is not None), default=None)


def _fit(
    asks: Sequence[Ask], encode: Encode, window: int | None, start: int
) -> tuple[list[Asked], list[Dropped]]:
    """Encode every prompt once; cut those from the left, behind the `start` tokens, that leave too little room.

    What samples of a dialogue share is its beginning alone: each is a prompt of its own.
    """
    asked, truncated = [], []
    encoded: dict[tuple[str, int], list[int]] = {}
    for ask in asks:
        own = (ask.prompt.id, ask.sample if ask.turn and ask.played else 0)
        if own not in encoded:
            ids = encode(ask.prompt.turns)
            kept = len(ids) if window is None else window - min(MIN_ROOM, max(1, window // 4))
            if len(ids) > kept:
                detail = f"{len(ids)} tokens, of which the first {len(ids) - kept} are left out"
                if ask.played:
                    detail = f"turn {ask.turn + 1} of {ask.played}, sample {ask.sample}: {detail}"
                truncated.append(Dropped(ask.prompt.id, "too_long_for_model", detail))
                ids = ids[:start] + ids[len(ids) - kept + start :]
            encoded[own] = ids
        asked.append(Asked(ask, encoded[own]))
    return asked, truncated


def _groups(
    given: Given,
    model: Any,
    tokenizer: Any,
    format: Format,
    sampling: Sampling,
    asked: Sequence[Asked],
    done: Collection[Key],
) -> Iterator[Group]:
    ordered = sorted(asked, key=lambda one: (-len(one.ids), one.ask.key))  # the most memory is needed first
    size = given.params.batch_size
    for first in range(0, len(ordered), size):
        batch = ordered[first : first + size]
        if all(one.ask.key in done for one in batch):
            continue
        outputs = sample(
            model,
            [one.ids for one in batch],
            sampling,
            format.ends,
            [one.ask.seed for one in batch],
            stopped=_stopped(format.stop, tokenizer),
            advance=_counted(given.heartbeat),
        )
        yield [
            read(given.name, one.ask, output, tokenizer, format.stop)
            for one, output in zip(batch, outputs, strict=True)
        ]


def _counted(heartbeat: Callable[[str], None]) -> Callable[[float], None]:
    made = 0.0

    def advance(tokens: float) -> None:
        nonlocal made
        made += tokens
        heartbeat(f"({made:,.0f} tokens into the batch)")

    return advance


def _stopped(stop: str, tokenizer: Any) -> Callable[[list[int]], bool] | None:
    if not stop:
        return None

    def stopped(ids: list[int]) -> bool:
        before = "\n" if len(ids) <= STOP_TAIL else ""  # an answer that begins with the stop string is empty
        return stop in before + tokenizer.decode(ids[-STOP_TAIL:])

    return stopped


def read(system: str, ask: Ask, output: Output, tokenizer: Any, stop: str) -> Response:
    """The response that a model's tokens spell, without the stop string and white space at its ends."""
    text = tokenizer.decode(output.ids, skip_special_tokens=True)
    if output.finish == "stop":
        text = f"\n{text}".partition(stop)[0]
    return Response(
        ask.prompt.id, system, text.strip(), ask.sample, finish=output.finish, tokens=len(output.ids)
    )
