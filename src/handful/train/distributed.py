"""Many processes as one: each holds a part of every weight and takes a part of every batch (FSDP2, `fully_shard`).

One process a GPU (NCCL), or CPU processes (gloo). Each layer's weights are put together when they are needed and let go
after it; gradients are summed into the parts, so moments and update are a part's own. All processes do what one would:
the loss is divided by the weight of the whole batch, gradients are summed and not averaged, and the norm that clipping
goes by is that of all parts. Weights are put together in float32 and cast by autocast, as one process does. FSDP's own
mixed precision would halve the traffic, but also computes norms and the residual stream in bfloat16.

With one process nothing here does anything. How processes are started is in launch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from handful.train.dropout import layers_of
from handful.train.masking import Document
from handful.train.packing import Pack, first_fit, pack, row

T = TypeVar("T")

PATIENCE = timedelta(hours=6)
"""For what the others wait while the first writes a checkpoint. One that is lost is not waited for: who started the
processes sees it end."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes that train together, and which of them this is."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """The first one writes, and reports."""
        return self.rank == 0

    def shares(self, documents: Sequence[Document], limit: int) -> list[tuple[Pack, float]]:
        """This process's rows of at most `limit` tokens, and what each counts: 1, or 0 for one that only keeps step.

        All processes get as many, since each forward pass puts weights together from all of them.
        """
        if self.size == 1:
            return [(part, 1.0) for part in pack(documents, limit)]
        bins = balanced([len(document.ids) for document in documents], limit, self.size)
        mine = [row([documents[index] for index in bin]) for bin in bins[self.rank :: self.size]]
        rounds = -(-len(bins) // self.size)
        idle = row([min(documents, key=lambda document: len(document.ids))])
        return [(part, 1.0) for part in mine] + [(idle, 0.0)] * (rounds - len(mine))

    def total(self, value: float) -> float:
        """The sum over all processes."""
        if self.size == 1:
            return value
        summed = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(summed)
        return summed.item()

    def agree(self, value: T) -> T:
        """What the first process says."""
        if self.size == 1:
            return value
        said = [value]
        dist.broadcast_object_list(said, src=0, device=torch.device("cpu"))
        return said[0]

    def all(self, value: T) -> list[T]:
        """What each process says, in their order. None goes on before all have said it."""
        if self.size == 1:
            return [value]
        said: list[Any] = [None] * self.size
        dist.all_gather_object(said, value)
        return said

    def gather(self, tensors: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
        """Whole tensors by name, on the CPU of the first process; nothing on the others.

        Names of one tensor (a tied head) share it here too.
        """
        found: dict[str, Tensor] = {}
        seen: dict[int, Tensor] = {}
        for name, tensor in tensors:
            if id(tensor) not in seen:
                detached = tensor.detach()
                whole = detached.full_tensor() if isinstance(detached, DTensor) else detached
                seen[id(tensor)] = whole.cpu() if self.leads else whole.new_empty(0)
            found[name] = seen[id(tensor)]
        return found if self.leads else {}


ALONE = Ranks()


def balanced(lengths: Sequence[int], limit: int, processes: int) -> list[list[int]]:
    """Indices of `lengths` in bins, the fullest first, for rounds of `processes` bins at a time.

    As few rounds as `limit` allows; then the smallest limit that needs no more (MULTIFIT, Coffman et al. 1978), so
    that the bins of a round are about as long.
    """
    fewest = len(first_fit(lengths, limit))
    most = -(-fewest // processes) * processes
    low, high = max(1, -(-sum(lengths) // most)), limit
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(first_fit(lengths, middle)) <= most else (middle + 1, high)
    bins = first_fit(lengths, high)
    if len(bins) > most:  # first-fit is not monotonous in its limit
        bins = first_fit(lengths, limit)
    return sorted(bins, key=lambda bin: -sum(lengths[index] for index in bin))


def ranks() -> Ranks:
    """The processes that have met."""
    if not dist.is_initialized():
        return ALONE
    return Ranks(dist.get_rank(), dist.get_world_size())


@contextmanager
def met(device: str, rank: int, size: int, place: int, store: str = "env://") -> Iterator[Ranks]:
    """Meet the other processes, and part from them at the end of the block.

    Args:
        device: "cpu" or "cuda".
        place: which of its machine's processes this is, and so which GPU it takes.
        store: where they meet: "env://" as torchrun says, or "file://…" on one machine.
    """
    if device == "cuda":
        torch.cuda.set_device(place)
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    with unheard():
        dist.init_process_group(backend, init_method=store, rank=rank, world_size=size, timeout=PATIENCE)
        dist.barrier(device_ids=[place] if device == "cuda" else None)
    try:
        yield ranks()
    finally:
        dist.destroy_process_group()


@contextmanager
def unheard() -> Iterator[None]:
    """Without what gloo writes to standard output as processes meet."""
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class Sharded(nn.Module):
    """A model whose weights are spread over all processes: `forward` runs work that needs them.

    Embedding, head and last norm are whole while the work runs, each layer while it runs itself. The model inside keeps
    its class and its names.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, work: Callable[[], Any]) -> Any:
        return work()


def shard(
    model: Any, device: str, together: Ranks, fill: Callable[[nn.Module], None] | None = None
) -> Sharded:
    """Spread a model over all processes, onto their devices.

    Args:
        fill: gives each process its part of the weights. Without it they are those of the first process, which holds
            them whole, on its CPU. All else that a model holds, such as the angles of rotary embeddings, is the
            first one's; else the model may have shapes only (torch's device "meta").
    """
    mesh = init_device_mesh(device, (together.size,))
    whole = dict(model.named_parameters()) if together.leads and fill is None else {}
    whole = {name: weight.detach() for name, weight in whole.items()}
    said = together.agree(dict(computed_once(model)) if together.leads else {})
    for layer in layers_of(model):
        fully_shard(layer, mesh=mesh)
    root = Sharded(model)
    fully_shard(root, mesh=mesh)
    for module in root.modules():
        if isinstance(module, FSDPModule):
            module.set_force_sum_reduction_for_comms(True)
            module.set_gradient_divide_factor(1.0)
    if any(weight.is_meta for weight in model.parameters()):
        root.to_empty(device=device)
    with torch.no_grad():
        if fill is None:
            hand_out(model, whole, device, together)
        else:
            fill(model)
    for (path, name), tensor in said.items():
        setattr(model.get_submodule(path), name, tensor.to(device))
    return root


def hand_out(model: Any, whole: dict[str, Tensor], device: str, together: Ranks) -> None:
    """Give every process its part of the first one's weights, one at a time.

    Args:
        whole: the weights by name, in the first process.
    """
    for name, weight in sorted(model.named_parameters()):
        source = whole.pop(name).to(device) if together.leads else torch.empty(weight.shape, device=device)
        weight.copy_(distribute_tensor(source, weight.device_mesh, weight.placements, src_data_rank=0))


def computed_once(model: nn.Module) -> Iterator[tuple[tuple[str, str], Tensor]]:
    """Tensors that are no weights, such as the angles of rotary embeddings: (module, name), tensor on the CPU."""
    for path, module in model.named_modules():
        for name, held in {**module._buffers, **vars(module)}.items():
            if isinstance(held, Tensor):
                yield (path, name), held.cpu()


def run_inside(root: Sharded | None, work: Callable[[], T]) -> T:
    """The result of `work`, which finds the weights whole. Every process must call it at the same time."""
    if root is None:
        return work()
    result: T = root(work)
    if not torch.is_grad_enabled():
        root.reshard()  # type: ignore[operator]  # no backward pass comes that would
    return result


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole_norm(norm: Tensor, together: Ranks) -> Tensor:
    """The norm of all processes' parts, from that of this one's."""
    if together.size == 1:
        return norm
    square = norm.double().square().cpu()
    dist.all_reduce(square)
    return square.sqrt().to(norm)


def named_whole(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The model's state dict, name by name; tied weights are one tensor."""
    yield from model.state_dict(keep_vars=True).items()


def led(root: Sharded | None, model: Any, together: Ranks, work: Callable[[], T]) -> T | None:
    """What `work` gives on the first process, which may run the model as often as it likes; None on the others.

    They run the model as often, on a single token, since weights come together from all of them. So nothing that the
    processes compute must agree to the last bit.
    """
    if root is None:
        return work()
    with torch.no_grad():
        if together.leads:
            hook = model.register_forward_pre_hook(ahead)
            try:
                result = run_inside(root, work)
            finally:
                hook.remove()
            told(False)
            return result
        token = torch.ones((1, 1), dtype=torch.long, device=next(model.parameters()).device)

        def follow() -> None:
            while told(False):
                model(input_ids=token, use_cache=False)

        run_inside(root, follow)
    return None


def ahead(module: nn.Module, args: Any) -> None:
    told(True)


def told(more: bool) -> bool:
    """Whether the first process goes on; only its `more` counts."""
    flag = torch.tensor(int(more))
    dist.broadcast(flag, src=0)
    return bool(flag.item())
