"""Whether the study being served is still the one that its recipe makes, and what to tell people who changed it.

Planning is cheap, but reads files, so a look is believed for some seconds. Nothing here stops a server: answers are
found again by what was shown, so a changed recipe loses none of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from handful import STAGES, load, plan
from handful.core.errors import HandfulError
from handful.recipe.evaluation import Annotate

BELIEVED_SECONDS = 10.0
LOOK_EVERY_SECONDS = 30.0
MANIFEST = "manifest.json"


class Watch:
    """Compares the recipe as it is now with `folder` and `asked`, which are served."""

    def __init__(
        self,
        recipe: Path,
        overrides: tuple[str, ...],
        work: Path,
        folder: Path,
        asked: Annotate,
        again: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`again` is the command that serves the recipe, for the message."""
        self._recipe = recipe
        self._overrides = overrides
        self._work = work
        self._folder = folder
        self._asked = asked
        self._again = again
        self._clock = clock
        self._lock = threading.Lock()
        self._found = ""
        self._until = float("-inf")

    def told(self) -> str:
        """What is different, what that means and what to do; "" where nothing is."""
        with self._lock:
            if self._clock() >= self._until:
                self._found = self._look()
                self._until = self._clock() + BELIEVED_SECONDS
            return self._found

    def _look(self) -> str:
        if not (self._folder / MANIFEST).exists():
            return (
                f"The study's folder {self._folder.name} is gone or being made again: its items cannot be shown. "
                f"Every answer is kept. Stop the server with Ctrl-C and start it again: {self._again}"
            )
        try:
            loaded = load(self._recipe, self._overrides)
            steps = {step.label: step for step in plan(STAGES, loaded, self._work)}
        except (HandfulError, OSError) as error:
            return (
                f"The recipe cannot be read any more, and people go on with what was served so far: {error}"
            )
        if "study" not in steps or steps["study"].folder != self._folder:
            return (
                "The recipe has changed, and now makes another study than the one served. People go on with the one "
                f"served; every answer is kept. To ask the new one, stop the server with Ctrl-C and run: {self._again} "
                "(items that are word for word the same keep their answers; those that changed are asked anew)"
            )
        if loaded.annotate != self._asked:
            return (
                "The recipe's [annotate] has changed since the server started, which goes on as it was. Every answer "
                f"is kept. To take the change over, stop the server with Ctrl-C and run: {self._again}"
            )
        if steps["annotate"].done:
            return (
                "`handful run` has taken the answers over, so what is answered now reaches no report. To have it "
                f"counted, remove the folder {steps['annotate'].folder.name} and run again; no answer is lost by that."
            )
        return ""

    def tell(self, say: Callable[[str], None], stop: threading.Event) -> None:
        """Say every change once, as it is noticed, until `stop`: for a thread beside the server."""
        last = ""
        while not stop.wait(LOOK_EVERY_SECONDS):
            found = self.told()
            if found and found != last:
                say(found)
            last = found
