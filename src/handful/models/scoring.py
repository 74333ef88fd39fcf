"""How likely a model on this machine finds a few next tokens: what a local judge reads its choice or its grade from.

The model writes nothing, so there is nothing to misread. Which tokens stand for what is for the caller to say.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch

from handful.core.errors import DataError
from handful.models.load import compute_dtype, fast_float32, load_model, load_tokenizer, pick_device
from handful.recipe.judging import LocalJudge

HOLE = "HOLE"
GAPS = (" ", "\n", "")


class Float32Head(torch.nn.Module):
    """A model's last layer in float32: bfloat16 logits come in steps of 1/8, which makes ties of small margins."""

    def __init__(self, head: torch.nn.Module) -> None:
        super().__init__()
        self.head = copy.deepcopy(head).float()  # a copy: the input embedding may be the same tensor

    def forward(self, hidden: torch.Tensor) -> Any:
        return self.head(hidden.float())


def load_judge(params: LocalJudge) -> tuple[Any, Any, int]:
    """The model, its tokenizer and how many tokens a question may have.

    Where the recipe does not say: float32 on a CPU, so that scores do not depend on the batch; what is fast on a GPU.
    """
    device = pick_device(params.device)
    by_itself = params.precision == "auto" and device == "cpu"
    dtype = torch.float32 if by_itself else compute_dtype(params.precision, device)
    fast_float32()
    model = load_model(params.model, device, dtype)
    if dtype != torch.float32:
        model.set_output_embeddings(Float32Head(model.get_output_embeddings()))
    tokenizer = load_tokenizer(params.model)
    places = getattr(model.config.get_text_config(), "max_position_embeddings", params.max_tokens)
    return model, tokenizer, min(params.max_tokens, places)


def template(tokenizer: Any, lead: str) -> tuple[list[int], list[int]]:
    """The tokens before and after a question: the chat template's, and the words `lead` that the choice follows."""
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": HOLE}]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        before, _, after = text.partition(HOLE)
        return tokenizer(before, add_special_tokens=False).input_ids, tokenizer(
            after + lead, add_special_tokens=False
        ).input_ids
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return start, tokenizer(f"\n\n{lead}", add_special_tokens=False).input_ids


def framed(
    tokenizer: Any, lead: str, options: Sequence[str], model: str
) -> tuple[list[int], list[int], list[int]]:
    """The tokens before and after the question, `lead` included, and the one token of each option that may follow.

    Where a tokenizer writes " 1" as a blank and a digit, the blank is part of what stands before. A small vocabulary
    may have a token " 1" and none " 5": then a line break, or nothing, stands between.

    Raises:
        DataError: the options never differ in one last token alone.
    """
    for gap in GAPS:
        written = [template(tokenizer, f"{lead}{gap}{option}") for option in options]
        before, after = written[0][0], written[0][1][:-1]
        last = [ids[-1] for _, ids in written]
        if all(ids[:-1] == after for _, ids in written) and len(set(last)) == len(last):
            return before, after, last
    raise DataError(
        f"{model}: cannot judge: its tokenizer has no token of its own for each of {', '.join(options)}; use another"
    )


def plain_ids(tokenizer: Any, text: str) -> list[int]:
    """A text of others as tokens: special tokens that stand in it are read as plain characters."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
    return ids


def first_tokens(tokenizer: Any, text: str, count: int, rest: str) -> str:
    """The text's first tokens, with `rest` for what is missing; or the text, if that is all."""
    places = tokenizer(
        text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
    ).offset_mapping
    return text if len(places) <= count else text[: places[count - 1][1]] + rest


@torch.inference_mode()
def option_scores(model: Any, rows: Sequence[Sequence[int]], options: Sequence[int]) -> list[list[float]]:
    """The log-likelihood of each option (a token) after each row: one forward pass, logits at the last place only."""
    longest = max(map(len, rows))
    padding = [longest - len(row) for row in rows]
    ids = torch.tensor([[0] * pad + list(row) for pad, row in zip(padding, rows, strict=True)])
    mask = torch.tensor([[0] * pad + [1] * (longest - pad) for pad in padding])
    logits = model(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        position_ids=(mask.cumsum(-1) - 1).clamp(min=0).to(model.device),
        use_cache=False,
        logits_to_keep=1,
    ).logits[:, -1]
    chosen: list[list[float]] = logits.float().log_softmax(-1)[:, list(options)].tolist()
    return chosen
