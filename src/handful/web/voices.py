"""The systems that people talk with live, each asked exactly as `generate` asks it.

    with voices(recipe.generate, folders, arms) as found:      # models loaded, servers not yet asked
        found[arm].answer(turns, seed, reply, ended)           # returns at once; fills `reply` from another thread

A model on this machine is computed by an `Engine` of its own, many conversations together; systems of one model share
its weights. All models are held at once, since a person goes from one to the other: `voices` refuses more than the
memory has room for. A server is asked for whole replies.

What goes wrong with a system is told to the terminal, never to the page.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from handful.core import jsonl
from handful.core.errors import DataError, HandfulError
from handful.core.optional import need
from handful.core.types import Example, Turn
from handful.generate.remote import FINISHES, sampling
from handful.generate.systems import Given
from handful.models.endpoint import FILTERED, REFUSED, Question, chat
from handful.models.endpoint import Reply as Said
from handful.recipe.systems import CheckpointSystem, EndpointSystem, FewShotSystem, Generate
from handful.web.pace import Reply

if TYPE_CHECKING:
    from handful.serving.engine import Engine

MIN_ROOM = 64
"""Tokens that a conversation leaves for the reply, or a quarter of the window where that is less, as in `generate`."""
MAX_BATCH = 16
SEEDS = 2**31


class Voice(Protocol):
    def answer(self, turns: Sequence[Turn], seed: int, reply: Reply, ended: Callable[[], None]) -> None:
        """Fill `reply` with what follows `turns`, from another thread, and then call `ended`. Returns at once."""


@dataclass(frozen=True, slots=True)
class Local:
    """A model on this machine."""

    engine: Engine
    encode: Callable[[Sequence[Turn]], list[int]]
    sampling: Any
    stop: str
    start: int
    """Tokens that the tokenizer itself puts in front."""
    later: ThreadPoolExecutor
    """Runs what the engine's thread must not wait for."""

    def answer(self, turns: Sequence[Turn], seed: int, reply: Reply, ended: Callable[[], None]) -> None:
        from handful.serving.engine import Busy, Piece, Request

        ids, reply.left_out = self.fit(turns)

        def hear(place: int, piece: Piece) -> None:
            reply.add(piece.text)
            if piece.finish is not None:
                reply.end(piece.finish)
                self.later.submit(ended)

        stops = (self.stop,) if self.stop else ()
        try:
            (job,) = self.engine.submit([Request(ids, self.sampling, seed, stops)], hear)
            reply.cancel = job.cancel
        except Busy:
            reply.end("error")
            self.later.submit(ended)

    def fit(self, turns: Sequence[Turn]) -> tuple[list[int], int]:
        """The prompt's tokens, and how many exchanges, the oldest, are not in it so that the reply has room. A message
        that is too long by itself loses its beginning, as in `generate`."""
        window = self.engine.speaker.window(self.sampling)
        for first in range(0, len(turns), 2):
            with self.engine.speaker.lock:
                ids = self.encode(turns[first:])
            if window is None or len(ids) <= (room := window - min(MIN_ROOM, max(1, window // 4))):
                return ids, first // 2
        return ids[: self.start] + ids[len(ids) - room + self.start :], len(turns) // 2 + 1


@dataclass(frozen=True, slots=True)
class Remote:
    """A model behind a server, asked for a whole reply."""

    name: str
    system: EndpointSystem
    params: Generate
    pool: ThreadPoolExecutor

    def answer(self, turns: Sequence[Turn], seed: int, reply: Reply, ended: Callable[[], None]) -> None:
        self.pool.submit(self._answer, tuple(turns), seed, reply, ended)

    def _answer(self, turns: tuple[Turn, ...], seed: int, reply: Reply, ended: Callable[[], None]) -> None:
        try:
            said = self.ask(turns, seed)
            while (
                said.finish == REFUSED and len(turns) > 2
            ):  # too long, most likely: without the oldest exchange
                turns, reply.left_out = turns[2:], reply.left_out + 1
                said = self.ask(turns, seed)
            if said.error and said.finish != FILTERED:
                tell(self.name, said.error)
                reply.end("error")
            else:
                reply.add(said.text)
                reply.end(FINISHES.get(said.finish, "stop"))
        except HandfulError as error:
            tell(self.name, str(error))
            reply.end("error")
        except Exception as error:  # a fault of ours: the person goes on, and the researcher sees it
            traceback.print_exception(error, file=sys.stderr)
            reply.end("error")
        ended()

    def ask(self, turns: Sequence[Turn], seed: int) -> Said:
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        # `sample` makes each reply a request of its own: another person's is not taken from the cache.
        question = Question(0, messages, seed % SEEDS, {"seed": seed % SEEDS})
        (said,) = chat(replace(self.system, concurrency=1), [question], **sampling(self.params))
        return said


def tell(name: str, error: str) -> None:
    """To the researcher's terminal."""
    print(f"live conversations: {name} could not answer: {error}", file=sys.stderr, flush=True)


@contextmanager
def voices(
    params: Generate, folders: Mapping[str, Path], arms: Mapping[str, str]
) -> Iterator[dict[str, Voice]]:
    """Arm -> voice, ready to be asked.

    Args:
        folders: by label, as a stage is given them: "dataset", "train", "choose".
        arms: arm -> name of a system.

    Raises:
        MissingModel, DataError: a model is not there, cannot be read, or all do not fit into memory together.
    """
    found: dict[str, Voice] = {}
    loaded: dict[str, Any] = {}
    with ExitStack() as stack:
        later = stack.enter_context(ThreadPoolExecutor(4, thread_name_prefix="said"))
        local = [name for name in arms.values() if not isinstance(params.systems[name], EndpointSystem)]
        check_memory([given_of(name, params, folders) for name in local])
        for arm, name in arms.items():
            system = params.systems[name]
            if isinstance(system, EndpointSystem):
                pool = ThreadPoolExecutor(system.concurrency, thread_name_prefix="asked")
                stack.callback(pool.shutdown, wait=False, cancel_futures=True)
                found[arm] = Remote(name, system, params, pool)
            else:
                found[arm] = load(given_of(name, params, folders), loaded, later, stack)
        yield found


def given_of(name: str, params: Generate, folders: Mapping[str, Path]) -> Given:
    """What `generate` would start from."""
    system = params.systems[name]
    shown: list[Example] = []
    if isinstance(system, FewShotSystem):
        shown = list(jsonl.read(folders["dataset"] / "train.jsonl", Example))
    chosen = 0
    if isinstance(system, CheckpointSystem) and "choose" in folders:
        from handful.generate.work import chosen_epoch

        chosen = chosen_epoch(folders["choose"])
    return Given(name, system, params, examples=shown, train=folders.get("train"), chosen=chosen)


def load(given: Given, loaded: dict[str, Any], later: ThreadPoolExecutor, stack: ExitStack) -> Local:
    """The voice of a model; `loaded` has the models that are there already."""
    need("torch", "talking with a local model")
    need("transformers", "talking with a local model")
    import torch

    from handful.generate.local import format_of, model_ref_of, sampling_of
    from handful.models.layout import start_ids
    from handful.models.load import compute_dtype, fast_float32, load_model, load_tokenizer, pick_device
    from handful.serving.engine import Engine
    from handful.serving.speaker import Speaker

    device = pick_device(given.params.device)
    dtype = compute_dtype(given.params.precision, device)
    if device == "cpu" and dtype == torch.float32:
        fast_float32()
    ref = model_ref_of(given)
    if ref not in loaded:
        loaded[ref] = load_model(ref, device, dtype)
    model, tokenizer = loaded[ref], load_tokenizer(ref)
    format, _ = format_of(given, model, tokenizer)
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    style = "eot" if isinstance(given.system, CheckpointSystem) else "plain"
    speaker = Speaker(model=model, tokenizer=tokenizer, style=style, ends=format.ends, context=context)  # type: ignore[arg-type]
    engine = stack.enter_context(Engine(speaker, MAX_BATCH))
    return Local(engine, format.encode, sampling_of(given), format.stop, len(start_ids(tokenizer)), later)


def check_memory(wanted: Sequence[Given]) -> None:
    """Raise DataError where the weights of all local systems together are more than the memory has free."""
    if not wanted:
        return
    from handful.generate.local import model_ref_of
    from handful.models.load import pick_device, resolve

    if pick_device(wanted[0].params.device) != "cpu":
        return  # a GPU says so itself, and its memory is not this machine's
    refs = dict.fromkeys(model_ref_of(given) for given in wanted)
    size = sum(file.stat().st_size for ref in refs for file in Path(resolve(ref)).glob("*.safetensors"))
    free = available()
    if free is not None and size > free:
        names = ", ".join(given.name for given in wanted)
        raise DataError(
            f"annotate.talk: {names} have {size / 1e9:.1f} GB of weights, and {free / 1e9:.1f} GB of memory are free; "
            'people go from one to the other, so all are held at once: serve some behind a server (kind = "endpoint")'
        )


def available() -> int | None:
    """Bytes of memory that are free, or None where the system does not say so."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def seed_of(nonce: str, number: int) -> int:
    """Of one reply of one conversation: made again after a kill, it is drawn alike."""
    return random.Random(f"{nonce}/{number}").getrandbits(63)
