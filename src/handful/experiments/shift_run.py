"""Two models in, tokens with their ranks out: the tuned model answers greedily, then the base reads the answers.

One model is in memory at a time. What is compared must be written in one and the same alphabet: models with different
tokenizers are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from handful.core.errors import DataError
from handful.core.types import Dropped, Finish, Prompt
from handful.experiments.shift import Answer, Settings, Token, kind_of, repeating
from handful.models.layout import (
    chat_template,
    encode_plain,
    encode_prompt,
    encode_text,
    end_ids,
    plain_prompt,
)
from handful.models.load import fast_float32, load_model, load_tokenizer, pick_device
from handful.models.ranks import Place, Read, token_places
from handful.models.sampling import GREEDY, Sampling, sample
from handful.models.scoring import Float32Head, template
from handful.run.progress import progress

BROKEN = "\N{REPLACEMENT CHARACTER}"
Style = Literal["eot", "template", "plain"]


@dataclass(frozen=True, slots=True)
class Voice:
    """How the tuned model is asked: our layout, its own chat template, or plain text, and what ends its answer."""

    style: Style
    ends: dict[int, Finish]
    window: int | None
    """Tokens that prompt and answer may have together; None where the model does not say."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt as both models see it, and, once it is there, the answer."""

    prompt: Prompt
    tuned: list[int]
    base: list[int]
    ids: tuple[int, ...] = ()
    finish: Finish = "length"


@dataclass(frozen=True, slots=True)
class Measured:
    tokens: list[Token]
    answers: list[Answer]
    left_out: list[Dropped]
    """Prompts that were not asked: `too_long`, `several_turns`."""
    style: Style


def measure(settings: Settings, prompts: Sequence[Prompt]) -> Measured:
    """Let the tuned model answer, and both models read the answers.

    Raises:
        DataError: the tokenizers differ, or no prompt can be asked.
        MissingModel: a model is not on this machine.
    """
    tokenizer, base_tokenizer = load_tokenizer(settings.tuned), load_tokenizer(settings.base)
    model = load(settings, settings.tuned)
    voice = voice_of(model, tokenizer)
    check_alphabets(settings, tokenizer, base_tokenizer, voice)
    asked, left_out = lay_out(settings, prompts, tokenizer, base_tokenizer, voice)
    if not asked:
        raise DataError(
            f"none of {len(prompts)} prompts can be asked: {left_out[0].detail}"
            if left_out
            else "there are no prompts to answer"
        )
    batches = answered(settings, model, voice, asked)
    again = [[Read(one.tuned, one.ids) for one in batch] for batch in batches]
    own = places(model, again, outputs_known(model, tokenizer), "tuned model reads")
    del model
    base = load(settings, settings.base)
    known = outputs_known(base, base_tokenizer)
    check_known(settings, batches, known)
    end = next(iter(end_ids(base)), base_tokenizer.eos_token_id)
    found = places(base, [[base_read(one, end) for one in batch] for batch in batches], known, "base reads")
    order = {prompt.id: place for place, prompt in enumerate(prompts)}
    everything = sorted(
        zip((one for batch in batches for one in batch), own, found, strict=True),
        key=lambda row: order[row[0].prompt.id],
    )
    return Measured(
        [token for one, o, b in everything for token in tokens_of(one, o, b, tokenizer)],
        [answer_of(one, b) for one, _, b in everything],
        left_out,
        voice.style,
    )


def load(settings: Settings, ref: str) -> Any:
    device = pick_device(settings.device)
    dtype = getattr(torch, settings.precision)
    if device == "cpu" and dtype == torch.float32:
        fast_float32()
    model = load_model(ref, device, dtype)
    if dtype != torch.float32:  # logits in steps of 1/8 would make equals of different tokens
        model.set_output_embeddings(Float32Head(model.get_output_embeddings()))
    return model


def voice_of(model: Any, tokenizer: Any) -> Voice:
    ends = end_ids(model)
    if not ends and tokenizer.eos_token_id is not None:
        ends = [tokenizer.eos_token_id]
    names: dict[int, Finish] = dict.fromkeys(ends, "eos")
    style: Style = "template" if tokenizer.chat_template else "plain"
    if ends and tokenizer.chat_template == chat_template(tokenizer, tokenizer.convert_ids_to_tokens(ends[0])):
        style, names[ends[0]] = "eot", "eot"
    window = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return Voice(style, names, window)


def check_alphabets(settings: Settings, tuned: Any, base: Any, voice: Voice) -> None:
    """Raise DataError unless both models write the same tokens by the same ids, but for what ends a turn."""
    ours, theirs = tuned.get_vocab(), base.get_vocab()
    other = sorted(token for token, id in theirs.items() if ours.get(token) != id)
    added = sorted(token for token, id in ours.items() if token not in theirs and id not in voice.ends)
    if other or added:
        raise DataError(
            f"{settings.tuned} and {settings.base} have different tokenizers: {len(other):,} of the base's "
            f"{len(theirs):,} tokens have another id in the tuned model or none, and {len(added):,} are new there, "
            f"such as {(other or added)[0]!r}; ranks mean something only between a model and the one it was tuned from"
        )


def check_known(settings: Settings, batches: Sequence[Sequence[Asked]], known: int) -> None:
    """Raise DataError where an answer has a token that the base has no output for."""
    for one in (one for batch in batches for one in batch):
        if max((*one.base, *one.ids)) >= known:
            raise DataError(
                f"{settings.base}: knows {known:,} tokens, and prompt {one.prompt.id!r} or its answer has the token "
                f"{max((*one.base, *one.ids))}; is it the model that {settings.tuned} was tuned from?"
            )


def lay_out(
    settings: Settings, prompts: Sequence[Prompt], tuned: Any, base: Any, voice: Voice
) -> tuple[list[Asked], list[Dropped]]:
    """Every prompt as both models see it; those that leave no room for an answer are left out, on record."""
    asked, left_out = [], []
    frame = template(tuned, "") if voice.style == "template" else ([], [])
    for prompt in prompts:
        if voice.style == "template" and len(prompt.turns) > 1:
            left_out.append(
                Dropped(prompt.id, "several_turns", "only our layout takes prompts of many turns")
            )
            continue
        check_encoding(settings, prompt, tuned, base)
        one = Asked(prompt, *contexts(settings, prompt, tuned, base, voice, frame))
        size = max(len(one.tuned), len(one.base)) + settings.max_tokens
        if voice.window is not None and size > voice.window:
            detail = f"prompt and answer may need {size} tokens, and the model reads {voice.window}"
            left_out.append(Dropped(prompt.id, "too_long", detail))
        else:
            asked.append(one)
    return asked, left_out


def check_encoding(settings: Settings, prompt: Prompt, tuned: Any, base: Any) -> None:
    """Equal vocabularies may still be put together differently."""
    if any(encode_text(turn.text, tuned) != encode_text(turn.text, base) for turn in prompt.turns):
        raise DataError(
            f"{settings.tuned} and {settings.base} have different tokenizers: they cut prompt {prompt.id!r} into "
            "different tokens; ranks mean something only between a model and the one it was tuned from"
        )


def contexts(
    settings: Settings,
    prompt: Prompt,
    tuned: Any,
    base: Any,
    voice: Voice,
    frame: tuple[list[int], list[int]],
) -> tuple[list[int], list[int]]:
    """The tokens before the answer, for the tuned model and for the base."""
    if voice.style == "plain":
        ids = encode_plain(plain_prompt(prompt.turns), tuned)
        return ids, ids
    if voice.style == "template":
        ids = [*frame[0], *encode_text(prompt.turns[0].text, tuned), *frame[1]]
        return ids, ids
    eot = next(iter(voice.ends))
    ids = encode_prompt(prompt.turns, tuned, eot)
    if settings.base_context == "plain":
        return ids, encode_plain(plain_prompt(prompt.turns), base)
    if base.eos_token_id is None:
        raise DataError(f'{settings.base}: has no EOS to stand for our EOT; use base_context "plain"')
    return ids, [base.eos_token_id if id == eot else id for id in ids]


def answered(settings: Settings, model: Any, voice: Voice, asked: Sequence[Asked]) -> list[list[Asked]]:
    """The tuned model's greedy answers, in batches of prompts of like length."""
    ordered = sorted(asked, key=lambda one: (-len(one.tuned), one.prompt.id))
    greedy: Any = GREEDY
    sampling = Sampling(**greedy, max_tokens=settings.max_tokens, limit="new")
    batches = []
    with progress("tuned model answers", total=len(ordered), unit="prompts") as advance:
        for first in range(0, len(ordered), settings.batch_size):
            batch = ordered[first : first + settings.batch_size]
            outputs = sample(
                model,
                [one.tuned for one in batch],
                sampling,
                voice.ends,
                [0] * len(batch),
                advance=lambda tokens: advance(0),
            )
            pairs = zip(batch, outputs, strict=True)
            batches.append([replace(one, ids=tuple(out.ids), finish=out.finish) for one, out in pairs])
            advance(len(batch))
    return batches


def base_read(one: Asked, end: int | None) -> Read:
    """What the base reads: the answer and, where the tuned model ended it, the base's own end of text."""
    ended = end is not None and one.finish in ("eot", "eos")
    return Read(one.base, [*one.ids, end] if ended and end is not None else one.ids)


def places(model: Any, reads: Sequence[Sequence[Read]], known: int, description: str) -> list[list[Place]]:
    """The place of every token under a model, read by read."""
    found: list[list[Place]] = []
    total = sum(len(read.tokens) for batch in reads for read in batch)
    with progress(description, total=total, unit="tokens") as advance:
        for batch in reads:
            found += token_places(model, batch, known, advance)
    return found


def outputs_known(model: Any, tokenizer: Any) -> int:
    """Tokens from this id on are padding of the embedding."""
    rows: int = model.get_input_embeddings().weight.shape[0]
    highest: int = max(tokenizer.get_vocab().values())
    return min(highest + 1, rows)


def answer_of(one: Asked, base: Sequence[Place]) -> Answer:
    ended = base[len(one.ids)].rank if len(base) > len(one.ids) else None
    return Answer(one.prompt.id, one.prompt.turns[-1].text, len(one.ids), one.finish, ended)


def tokens_of(one: Asked, own: Sequence[Place], base: Sequence[Place], tokenizer: Any) -> list[Token]:
    texts, repeats = pieces(tokenizer, one.ids), repeating(one.ids)
    return [
        Token(
            prompt_id=one.prompt.id,
            position=at + 1,
            token=texts[at],
            id=one.ids[at],
            rank=base[at].rank,
            kind=kind_of(base[at].rank),
            probability=round(base[at].probability, 6),
            tuned_probability=round(own[at].probability, 6),
            tuned_rank=own[at].rank,
            instead=texts[at]
            if base[at].best == one.ids[at]
            else grown(tokenizer, one.ids[:at][-1:], [base[at].best]),
            repeats=repeats[at],
        )
        for at in range(len(one.ids))
    ]


def pieces(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The text of each token; a character of several tokens belongs to the last of them."""
    found, begun = [], 0
    for at in range(len(ids)):
        text = grown(tokenizer, ids[max(0, begun - 1) : begun], ids[begun : at + 1])
        whole = not text.endswith(BROKEN) or at + 1 - begun >= 4 or at + 1 == len(ids)
        found.append(text if whole else "")
        begun = at + 1 if whole else begun
    return found


def grown(tokenizer: Any, before: Sequence[int], ids: Sequence[int]) -> str:
    """What `ids` add to the text of the token before them: a first space is written by some tokenizers only there."""
    start: str = tokenizer.decode(list(before), clean_up_tokenization_spaces=False)
    text: str = tokenizer.decode([*before, *ids], clean_up_tokenization_spaces=False)
    return text[len(start) :]
