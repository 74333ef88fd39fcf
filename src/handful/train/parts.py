"""What each process holds, in files of its own; and rows of it again, for any number of processes.

A process writes its rows of every tensor into `part-RANK-NUMBER.safetensors`, a gigabyte each, so none ever holds what
the others have. The files of all, in the order of their names, hold the whole: rows follow each other as the
processes do. A reader takes the rows that it needs, tensor by tensor, from the files that have them.

Not `torch.distributed.checkpoint`: its index is a pickle, which runs what it is told to. What is a state, and when it
is whole, is in checkpoints.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Shard

from handful.core.errors import DataError
from handful.core.files import file_hash
from handful.train.distributed import Ranks, Sharded, local, shard

PART_BYTES = 1_000_000_000
"""Of a part: what a process with a GPU copies to its machine's memory at a time."""


class Stored:
    """Tensors in files; those of one name are the rows of one tensor, in the order of the files."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.places: dict[str, list[tuple[Path, int]]] = {}
        for file in files:
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118  # not a dictionary
                    shape = tensors.get_slice(name).get_shape()
                    self.places.setdefault(name, []).append((file, shape[0] if shape else 1))

    def __contains__(self, name: str) -> bool:
        return name in self.places

    def read(self, name: str) -> Tensor:
        """A tensor, whole."""
        file, _ = self.places[name][0]
        if len(self.places[name]) > 1:
            return self.rows(name, 0, self.count(name))
        with safe_open(file, framework="pt") as tensors:
            found: Tensor = tensors.get_tensor(name)
            return found

    def count(self, name: str) -> int:
        return sum(rows for _, rows in self.places[name])

    def rows(self, name: str, first: int, end: int) -> Tensor:
        """Rows `first` to `end` of a tensor, from the files that have them."""
        found: list[Tensor] = []
        start = 0
        for file, rows in self.places[name]:
            low, high = max(first, start), min(end, start + rows)
            if low < high or (first == end and not found):  # no rows have a shape too
                with safe_open(file, framework="pt") as tensors:
                    found.append(tensors.get_slice(name)[low - start : max(low, high) - start])
            start += rows
        return found[0] if len(found) == 1 else torch.cat(found)

    def own(self, name: str, like: Tensor, together: Ranks) -> Tensor:
        """This process's rows of a tensor that is laid out as the weight `like` is.

        Raises:
            DataError: the tensor is of another shape.
        """
        mine, file = local(like), self.places[name][0][0]
        if self.count(name) != len(like):
            raise DataError(f"{file}: {name} has {self.count(name)} rows, but the model's has {len(like)}")
        found = self.rows(name, *bounds(like, together))
        if found.shape != mine.shape:
            raise DataError(
                f"{file}: {name} is of shape {(*found.shape,)}, but the model's is {(*mine.shape,)}"
            )
        return found.to(mine.device)


def bounds(weight: Tensor, together: Ranks) -> tuple[int, int]:
    """The rows of a weight that this process has: from, to. FSDP2 shares them out as `torch.chunk` does."""
    if not isinstance(weight, DTensor):
        return 0, len(weight)
    assert weight.placements == (Shard(0),)
    size = -(-len(weight) // together.size)
    return min(together.rank * size, len(weight)), min((together.rank + 1) * size, len(weight))


def write(tensors: Iterable[tuple[str, Tensor]], folder: Path, together: Ranks) -> dict[str, str]:
    """Write this process's parts of `tensors`. Returns the sha256 of each file by name.

    Of what all processes have alike, such as a single number, the first writes the only copy.
    """
    hashes = {}
    for number, part in enumerate(grouped(own_parts(tensors, together)), start=1):
        file = folder / f"part-{together.rank:05d}-{number:05d}.safetensors"
        save_file({name: tensor.cpu().contiguous() for name, tensor in part.items()}, file)
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
        hashes[file.name] = file_hash(file)
    return hashes


def is_part(file: Path) -> bool:
    return file.name.startswith("part-")


def own_parts(tensors: Iterable[tuple[str, Tensor]], together: Ranks) -> Iterator[tuple[str, Tensor]]:
    """Each tensor once, under the first of its names."""
    seen: set[int] = set()
    for name, tensor in tensors:
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        spread = isinstance(tensor, DTensor)
        if spread or together.leads:
            yield name, local(tensor.detach())


def grouped(tensors: Iterable[tuple[str, Tensor]]) -> Iterator[dict[str, Tensor]]:
    """In their order, as many at a time as PART_BYTES allow, and at least one."""
    part: dict[str, Tensor] = {}
    size = 0
    for name, tensor in tensors:
        if part and size + tensor.nbytes > PART_BYTES:
            yield part
            part, size = {}, 0
        part[name] = tensor
        size += tensor.nbytes
    if part:
        yield part


def holds_all(stored: Stored, model: nn.Module) -> bool:
    """Whether each weight of a model is stored, under the name that it has in the model."""
    return all(name in stored for name, _ in model.named_parameters())


@torch.no_grad()
def fill(model: nn.Module, stored: Stored, together: Ranks) -> None:
    """Give the weights of a model what is stored of them: to each process its rows, one weight at a time."""
    for name, weight in model.named_parameters():
        local(weight).copy_(stored.own(name, weight, together))


def as_stored(frame: Any, stored: Stored) -> Any:
    """A model without weights, given what is stored of them. With many processes see `fill`."""
    known = {name: stored.read(name).clone() for name, _ in frame.named_parameters()}
    frame.load_state_dict(known, strict=False, assign=True)
    frame.tie_weights()
    return frame


def spread(model: Any, device: str, stored: Stored | None, together: Ranks) -> Sharded:
    """The model over all processes: the first one's weights, or, where it has none, those that are stored."""
    if stored is None or together.agree(not any(weight.is_meta for weight in model.parameters())):
        return shard(model, device, together)
    return shard(model, device, together, lambda model: fill(model, stored, together))
