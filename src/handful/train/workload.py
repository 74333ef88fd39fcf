"""How much there is to train on, before it is made: the lengths of the examples in tokens, counted or estimated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.types import Example
from handful.recipe.curation import Select
from handful.recipe.training import Train
from handful.train.schedule import shuffled

TABLE_1 = {
    "stem": 117 + 523,
    "other": 119 + 530,
    "wikihow": 12 + 1811,
    "writing_prompts": 34 + 274,
    "natural_instructions": 236 + 92,
    "authored": 40 + 334,
}
"""Table 1: mean tokens of an example, input and output."""
MEAN = 760
"""Of all of Table 1: for sources that it does not have."""

CHARACTERS_A_TOKEN = 4.2
"""Of English with some code, over the vocabularies of Llama, SmolLM and Gemma; with 1 token a turn more for the EOT."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The training set, by length."""

    lengths: tuple[int, ...]
    """Tokens of each example, at most `train.max_tokens`."""
    exact: bool
    longest_known: bool
    """Else an example may be as long as `train.max_tokens`."""
    how: str
    """How the lengths are known, in words."""

    @property
    def tokens(self) -> int:
        return sum(self.lengths)

    def longest(self, params: Train) -> int:
        return max(self.lengths) if self.longest_known else params.max_tokens


def planned(params: Train, select: Select, sources: Collection[str]) -> Workload:
    """From the quotas of the recipe's sources and Table 1's mean lengths. Sources without a quota are not known yet."""
    lengths = [
        min(TABLE_1.get(name, MEAN), params.max_tokens)
        for name, count in select.quota.items()
        if name in sources
        for _ in range(count)
    ]
    return Workload(
        tuple(lengths), False, False, "estimated: the recipe's quotas, at the mean lengths of Table 1"
    )


def drawn(params: Train, dataset: Path) -> Workload | None:
    """From a finished dataset's characters; None where it has no examples."""
    examples = list(jsonl.read(dataset / "train.jsonl", Example))
    lengths = tuple(min(round(roughly(example)), params.max_tokens) for example in examples)
    words = f"estimated: the dataset's characters, at {CHARACTERS_A_TOKEN} a token; --measure counts them"
    return Workload(lengths, False, True, words) if examples else None


def roughly(example: Example) -> float:
    return sum(1 + len(turn.text) / CHARACTERS_A_TOKEN for turn in example.turns)


def counted(params: Train, dataset: Path, tokenizer: Any) -> Workload | None:
    """With the model's own tokenizer, as training will; None where the dataset has no examples."""
    from handful.train.masking import encode

    examples = jsonl.read(dataset / "train.jsonl", Example)
    documents, _ = encode(examples, tokenizer, len(tokenizer), params.max_tokens, "all")
    lengths = tuple(len(document.ids) for document in documents)
    return Workload(lengths, True, True, "counted with the model's tokenizer") if lengths else None


def batch_lengths(workload: Workload, params: Train) -> list[tuple[int, ...]]:
    """The lengths of each batch of the first epoch, in the order that training takes."""
    order = shuffled(len(workload.lengths), params.seed, 1)
    return [
        tuple(workload.lengths[place] for place in order[start : start + params.batch_size])
        for start in range(0, len(order), params.batch_size)
    ]


def rounds(batch: Sequence[int], params: Train, devices: int) -> int:
    """Forward passes that every device takes for a batch, all of them as many."""
    return max(1, -(-sum(batch) // (params.pack_tokens * devices)))


def passes(batch: Sequence[int], params: Train, devices: int) -> int:
    """Tokens that the busiest device takes for a batch: the rounds, each as long as its longest pack."""
    count = rounds(batch, params, devices)
    return max(count * max(batch), -(-sum(batch) // devices)) if devices > 1 else sum(batch)
