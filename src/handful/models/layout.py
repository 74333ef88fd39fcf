"""How a dialogue becomes tokens: user⟨EOT⟩assistant⟨EOT⟩user⟨EOT⟩…

Section 3: a special end-of-turn token closes every utterance, the user's too. There are no role tags, no system
prompt and no template besides. Base models, which have no such token, are asked in plain text instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handful.core.errors import DataError
from handful.core.types import Example, Turn

FEW_SHOT_STOP = "\n# Query:"
PREAMBLE = (
    "# Instruction\n\n"
    "Below are conversations between a person and a helpful, careful and honest AI assistant. "
    "Each query of the person is followed by the complete answer of the assistant.\n\n"
)


def encode_text(text: str, tokenizer: Any) -> list[int]:
    """Token ids of plain text, where the name of a special token is only text: nobody can forge an end of turn."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


def start_ids(tokenizer: Any) -> list[int]:
    """What the tokenizer itself puts in front of a text: [BOS] for models trained so, or nothing."""
    ids = tokenizer("")["input_ids"]
    return [tokenizer.bos_token_id] if ids[:1] == [tokenizer.bos_token_id] else []


def encode_dialogue(turns: Sequence[Turn], tokenizer: Any, eot_id: int) -> tuple[list[int], list[bool]]:
    """Token ids of a dialogue, and where the assistant speaks.

    Returns:
        (ids, speaks), each of length n. speaks[i] is True where token i belongs to an assistant's turn or is the EOT
        that closes it. The two are not shifted: token i is predicted from those before it.
    """
    ids = start_ids(tokenizer)
    speaks = [False] * len(ids)
    for turn in turns:
        utterance = [*encode_text(turn.text, tokenizer), eot_id]
        ids += utterance
        speaks += [turn.role == "assistant"] * len(utterance)
    return ids, speaks


def encode_prompt(turns: Sequence[Turn], tokenizer: Any, eot_id: int) -> list[int]:
    """Token ids of a dialogue that the assistant goes on with: they end with the EOT of the user's turn."""
    return encode_dialogue(turns, tokenizer, eot_id)[0]


def encode_plain(text: str, tokenizer: Any) -> list[int]:
    """Token ids of text for a base model to continue."""
    return start_ids(tokenizer) + encode_text(text, tokenizer)


def plain_prompt(turns: Sequence[Turn]) -> str:
    """The prompt for a model that was not fine-tuned: the turns and then a blank line."""
    return "".join(f"{turn.text.strip()}\n\n" for turn in turns)


def few_shot_prompt(turns: Sequence[Turn], examples: Sequence[Example]) -> str:
    """The prompt after a few answered ones, for a model that was not fine-tuned (URIAL, Lin et al. 2023).

    The model's answer ends before FEW_SHOT_STOP, where it would invent the next query.
    """
    shown = "".join(_blocks(example.turns) + "\n\n" for example in examples)
    return f"{PREAMBLE}{shown}{_blocks(turns)}\n\n# Answer:\n"


def _blocks(turns: Sequence[Turn]) -> str:
    heads = {"user": "# Query:", "assistant": "# Answer:"}
    return "\n\n".join(f"{heads[turn.role]}\n{turn.text.strip()}" for turn in turns)


def add_eot(model: Any, tokenizer: Any, eot_token: str, init: str = "auto") -> int:
    """Add the end-of-turn token to a model and its tokenizer. Returns its id, which no other token has.

    Its embedding, and its row of the output layer where that is separate, starts as the mean of all others ("mean") or
    as those of EOS ("eos"); "auto" decides by `eot_start` (ours: the paper does not say). The tokenizer gets a chat
    template of our layout, and generation ends at it as at the old EOS.

    Raises:
        DataError: the tokenizer does not fit the model, the vocabulary has such a token already, or there is no EOS
            to start as.
    """
    check_tokenizer(model, tokenizer)
    vocabulary = tokenizer.get_vocab()
    if eot_token in vocabulary:
        raise DataError(
            f"eot_token: {eot_token!r} is in the model's vocabulary already, so it means something there; "
            "choose a new name in train.eot_token"
        )
    like = eot_start(model, tokenizer, init)
    eot_id = _add_token(tokenizer, eot_token)
    if eot_id in vocabulary.values():
        raise DataError(
            f"the tokenizer's ids have gaps, and {eot_token!r} would get the id {eot_id} of another token; "
            "such a tokenizer cannot be used here"
        )
    _grow(model, len(vocabulary), eot_id, like)
    tokenizer.chat_template = chat_template(tokenizer, eot_token)
    _settle_generation(model, tokenizer, eot_id)
    return eot_id


def check_tokenizer(model: Any, tokenizer: Any) -> None:
    """Tokens that were added to a vocabulary may lie beyond the embeddings, as one of Gemma 3's does: they get rows.

    Raises:
        DataError: others do, or those that every text needs; then the tokenizer is that of another model.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    added = tokenizer.get_added_vocab()
    ids = [id for token, id in tokenizer.get_vocab().items() if token not in added]
    ids += [id for id in (tokenizer.bos_token_id, tokenizer.eos_token_id) if id is not None]
    highest = max(ids, default=0)
    if highest >= rows:
        raise DataError(
            f"the tokenizer does not fit the model: its ids go up to {highest}, and the model has embeddings for "
            f"{rows} tokens, so for ids up to {rows - 1}; is it the tokenizer of another model?"
        )


def eot_start(model: Any, tokenizer: Any, init: str) -> int | None:
    """The token as which the EOT starts; None for the mean of all.

    "auto" takes EOS where the embedding is also the output layer (tied). There the mean, close to the origin, is as
    output so improbable that learning it takes hundreds of steps: 24.5 nats at the ends of answers with Gemma 3 270M,
    against 3.9 as EOS. Where the output layer is separate, as LLaMA's is, it takes the mean, which carries nothing of
    what EOS meant in pretraining (which learns faster there was not measured); also where there is no EOS.
    """
    head = model.get_output_embeddings()
    tied = head is not None and head.weight is model.get_input_embeddings().weight
    eos_id: int | None = tokenizer.eos_token_id
    if init == "eos" and eos_id is None:
        raise DataError('eot_init: "eos" is asked for, but the model has no EOS token; use "mean"')
    return eos_id if init == "eos" or (init == "auto" and tied) else None


def _add_token(tokenizer: Any, token: str) -> int:
    from tokenizers import AddedToken

    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False)], special_tokens=True)
    return int(tokenizer.convert_tokens_to_ids(token))


def _grow(model: Any, known: int, eot_id: int, like: int | None) -> None:
    """Make room for token `eot_id` and fill its rows, and any new ones below it, with the mean of the old.

    With `like`, the rows of `eot_id` are those of that token instead. Rows at or above `known` that the model already
    has are padding, which training never touched: not in the mean.
    """
    import torch

    rows = model.get_input_embeddings().weight.shape[0]
    old = min(rows, known)
    if rows <= eot_id:
        model.resize_token_embeddings(eot_id + 1, mean_resizing=False)
    tables = {
        id(t): t for t in (model.get_input_embeddings(), model.get_output_embeddings()) if t is not None
    }
    with torch.no_grad():
        for table in tables.values():
            mean = table.weight[:old].float().mean(dim=0).to(table.weight.dtype)
            table.weight[old : eot_id + 1] = mean
            if like is not None:
                table.weight[eot_id] = table.weight[like]
            if getattr(table, "bias", None) is not None:
                table.bias[old : eot_id + 1] = table.bias[:old].mean() if like is None else table.bias[like]


def _settle_generation(model: Any, tokenizer: Any, eot_id: int) -> None:
    settings = model.generation_config
    old = settings.eos_token_id if settings.eos_token_id is not None else tokenizer.eos_token_id
    ends = [] if old is None else [old] if isinstance(old, int) else list(old)
    settings.eos_token_id = [eot_id, *ends]
    if settings.pad_token_id is None:
        settings.pad_token_id = tokenizer.pad_token_id


def chat_template(tokenizer: Any, eot_token: str) -> str:
    """Our layout as a Jinja template, for other tools. It gives the ids of `encode_prompt`, but, as every template
    does, it reads special tokens that a user typed."""
    start = "{{ bos_token }}" if start_ids(tokenizer) else ""
    return (
        start + "{% for message in messages %}"
        "{% if message['role'] not in ['user', 'assistant'] %}"
        "{{ raise_exception('this model knows the roles user and assistant, not ' + message['role']) }}"
        "{% endif %}"
        "{{ message['content'] }}" + eot_token + "{% endfor %}"
    )


def end_ids(model: Any) -> list[int]:
    """The tokens that end a model's text. After `add_eot`, the first is the end of turn."""
    ends = model.generation_config.eos_token_id
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
