"""Everything that live conversations need, opened together: the systems, what the ledger has, and the first pace.

    with conversations(app, board, recipe, ledger, folders):
        run_app(app, listener, ready)

Every system is asked once or twice while the server starts, and the pace of all is set by the slowest. Until then
nobody talks; all other pages work.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from handful.annotate.talk_files import plan_of
from handful.annotate.talks import Talks
from handful.core.types import Turn
from handful.recipe.evaluation import Annotate
from handful.recipe.schema import Recipe
from handful.recipe.systems import Generate
from handful.web.pace import Pace, Reply
from handful.web.talking import add_talking
from handful.web.talkroom import Room
from handful.web.voices import Voice, tell, voices

if TYPE_CHECKING:
    from fastapi import FastAPI

    from handful.annotate.board import Board
    from handful.annotate.ledger import Ledger

WARM_PROMPTS = 2
WARM_SECONDS = 60.0
"""How long a first reply is waited for; what is slower than that is slower than any pace."""
WARM_CHARS = 300


@contextmanager
def conversations(
    app: FastAPI, board: Board, recipe: Recipe, ledger: Ledger, folders: Mapping[str, Path]
) -> Iterator[None]:
    """The pages of live conversations on `app`, where the recipe asks for any.

    Raises:
        RecipeError, DataError, MissingModel: as `live`.
    """
    if not recipe.annotate.talk:
        yield
        return
    with live(recipe.annotate, recipe.generate, folders, ledger, board) as room:
        add_talking(app, room)
        yield


@contextmanager
def live(
    params: Annotate,
    generate: Generate,
    folders: Mapping[str, Path],
    ledger: Ledger,
    board: Board | None = None,
) -> Iterator[Room]:
    """A room that is getting ready.

    Args:
        folders: by label, as `run` names what it made: "dataset", "generate/NAME", "train", "choose".

    Raises:
        RecipeError, DataError, MissingModel: a system that there is not, or that cannot be loaded.
    """
    plan = plan_of(params, folders)
    with voices(generate, folders, plan.arms) as found:
        room = Room(plan, params, Talks(ledger), found, board)
        stopped = threading.Event()
        warming = threading.Thread(target=warm_up, args=(room, stopped), name="warming", daemon=True)
        warming.start()
        try:
            yield room
        finally:
            stopped.set()
            warming.join(timeout=5)
            room.close()


def warm_up(room: Room, stopped: threading.Event) -> None:
    """Measure every system on the first openings."""
    try:
        for arm, voice in room.voices.items():
            for prompt in room.plan.prompts[:WARM_PROMPTS]:
                if not stopped.is_set():
                    measure(room, arm, voice, room.plan.openings[prompt.id], stopped)
    finally:
        room.ready.set()


def measure(room: Room, arm: str, voice: Voice, opening: str, stopped: threading.Event) -> None:
    reply, over = Reply(Pace(0.0, 1), room.clock), threading.Event()
    # Drawn anew each time: a reply that is kept from an earlier start comes at once, and measures nothing.
    voice.answer([Turn("user", opening)], secrets.randbits(62), reply, over.set)
    until = room.clock() + WARM_SECONDS
    while not over.wait(0.02) and not stopped.is_set():
        if room.clock() > until or len(reply.text) >= WARM_CHARS:
            break
    if not over.is_set():
        reply.cancel()
        reply.end("length")
    if reply.finish == "error":
        tell(room.plan.arms[arm], "at its first try; people are told so until it does")
    elif measured := reply.measured():
        room.meter.note(arm, *measured)
    else:
        room.meter.note(arm, reply.ms / 1000, 0.0)
