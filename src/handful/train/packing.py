"""Documents into rows of at most so many tokens, so that a forward pass wastes nothing on padding.

Packing happens inside one optimizer batch: the optimizer sees the same examples, and the same mean over their
tokens, whatever `pack_tokens` is. (Other toolkits count packed rows as batch items, which changes the batch size.)
Nothing is attended across documents: see attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from handful.train.masking import IGNORED, Document


@dataclass(frozen=True, slots=True)
class Pack:
    """One row for one forward pass."""

    ids: Tensor
    """(1, tokens)"""
    positions: Tensor
    """(1, tokens), from 0 in each document."""
    doc_ends: tuple[int, ...]
    labelled: Tensor
    """(labels,), the places in the row that have something to predict."""
    targets: Tensor
    """(labels,), what they are to predict."""
    weights: Tensor | None = None
    """(labels,), what they count in the loss; None where each counts 1."""


def first_fit(lengths: Sequence[int], limit: int) -> list[list[int]]:
    """Indices of `lengths` in bins whose sums stay within `limit`: the longest first, each into the first that fits.

    A length above the limit gets a bin of its own.
    """
    bins: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        place = next((b for b, free in enumerate(room) if free >= lengths[index]), None)
        if place is None:
            bins.append([index])
            room.append(limit - lengths[index])
        else:
            bins[place].append(index)
            room[place] -= lengths[index]
    return bins


def pack(documents: Sequence[Document], limit: int) -> list[Pack]:
    """Rows of at most `limit` tokens that hold each document once."""
    bins = first_fit([len(document.ids) for document in documents], limit)
    return [row([documents[index] for index in bin]) for bin in bins]


def row(documents: Sequence[Document]) -> Pack:
    ids = [token for document in documents for token in document.ids]
    targets = [token for document in documents for token in document.targets]
    labelled = [place for place, target in enumerate(targets) if target != IGNORED]
    ends: list[int] = []
    for document in documents:
        ends.append((ends[-1] if ends else 0) + len(document.ids))
    return Pack(
        ids=torch.tensor([ids]),
        positions=torch.tensor([[place for document in documents for place in range(len(document.ids))]]),
        doc_ends=tuple(ends),
        labelled=torch.tensor(labelled, dtype=torch.long),
        targets=torch.tensor([targets[place] for place in labelled], dtype=torch.long),
        weights=weights_of(documents, labelled),
    )


def weights_of(documents: Sequence[Document], labelled: Sequence[int]) -> Tensor | None:
    """What the labelled places of a row count, or None where no document weighs its places."""
    if not any(document.weights for document in documents):
        return None
    each = [weight for document in documents for weight in document.weights or [1.0] * len(document.ids)]
    return torch.tensor([each[place] for place in labelled], dtype=torch.float32)
