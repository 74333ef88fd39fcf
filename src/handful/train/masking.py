"""What each token of an example is to predict: the assistant's words and the EOT that closes them, or everything; and
how much each counts.

Labels are decided by place, never by token id: a model whose pad token is also its EOT would otherwise never learn
to stop.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from handful.core.types import Dropped, Example
from handful.models.layout import encode_dialogue

IGNORED = -1
"""A place with nothing to predict."""


@dataclass(frozen=True, slots=True)
class Document:
    """An example as token ids."""

    id: str
    source: str
    ids: tuple[int, ...]
    targets: tuple[int, ...]
    """As long as `ids`: the id that follows, where it counts in the loss, or IGNORED. The last is always IGNORED."""
    spoken: int
    """How many of `ids` the assistant speaks, EOTs included."""
    weights: tuple[float, ...] = ()
    """As long as `ids`: what each place counts in the loss. Empty where every label counts 1."""

    @property
    def labels(self) -> int:
        """How many places have something to predict."""
        return sum(target != IGNORED for target in self.targets)

    @property
    def weight(self) -> float:
        """What the labels count together: the loss of a batch is divided by the sum of this over its examples."""
        if not self.weights:
            return self.labels
        return math.fsum(
            weight for weight, target in zip(self.weights, self.targets, strict=True) if target != IGNORED
        )


def encode(
    examples: Iterable[Example],
    tokenizer: Any,
    eot_id: int,
    max_tokens: int,
    loss_on: Literal["response", "all"],
    prompt_weight: float = 0.0,
) -> tuple[list[Document], list[Dropped]]:
    """Examples as documents of at most `max_tokens`, and a line for each that did not fit.

    A longer one loses its tail (rule `too_many_tokens`); one that would have nothing left to learn, because its
    prompt alone fills the limit, is left out (rule `no_response_left`).

    With `loss_on` "all", a prompt's token counts as much as a response's; with "response" it counts `prompt_weight`.
    """
    documents, cut = [], []
    prompt = 1.0 if loss_on == "all" else prompt_weight
    for example in examples:
        ids, speaks = encode_dialogue(example.turns, tokenizer, eot_id)
        document = labelled(example, ids[:max_tokens], speaks[:max_tokens], prompt)
        if document.labels == 0:
            cut.append(
                Dropped(example.id, "no_response_left", f"{len(ids)} tokens, at most {max_tokens} are taken")
            )
            continue
        if len(ids) > max_tokens:
            cut.append(
                Dropped(
                    example.id, "too_many_tokens", f"{len(ids)} tokens, the last {len(ids) - max_tokens} lost"
                )
            )
        documents.append(document)
    return documents, cut


def labelled(example: Example, ids: Sequence[int], speaks: Sequence[bool], prompt: float) -> Document:
    """Shift by one: a place is labelled with the token after it, and counts 1 if the assistant speaks that one, or
    else `prompt`, which at 0 leaves it without a label."""
    following = list(zip(ids[1:], speaks[1:], strict=True))
    targets = [token if speaking or prompt else IGNORED for token, speaking in following]
    weights = (*(1.0 if speaking else prompt for _, speaking in following), 0.0) if 0 < prompt < 1 else ()
    return Document(example.id, example.origin.source, tuple(ids), (*targets, IGNORED), sum(speaks), weights)


def by_source(documents: Iterable[Document]) -> dict[str, dict[str, float]]:
    """Table 1's lengths, in tokens as trained on: {source: {examples, mean_input, mean_output}}."""
    lengths: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        lengths[document.source].append(document)
    return {
        source: {
            "examples": len(found),
            "mean_input": round(fmean(len(document.ids) - document.spoken for document in found), 1),
            "mean_output": round(fmean(document.spoken for document in found), 1),
        }
        for source, found in sorted(lengths.items())
    }
