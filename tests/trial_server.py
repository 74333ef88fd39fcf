"""A study laid down as its stage leaves it, `handful serve study` over it as the command it is, and people's requests.

For tests of what a process as a whole does: kills, faults, attacks. The app alone is tested without it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from bs4 import BeautifulSoup, Tag

from handful import STAGES, load, plan
from handful.core import jsonl
from handful.core.types import Comparison, Seal, Turn
from handful.run.environment import environment
from handful.run.store import Manifest, content_hashes, write_manifest

SYSTEMS = ("zebra-7b-tuned", "quokka-large")
"""Names that nothing else on a page can hold by chance."""
RECIPE = """
name = "trial"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
[train]
model = "gemma3-270m"
[generate.systems.zebra-7b-tuned]
kind = "checkpoint"
[generate.systems.quokka-large]
kind = "base"
[annotate]
people = {people}
shared = {shared}
"""
LINK = re.compile(r"(\S+): (https?://\S+)/link/([\w-]+)")
ASIDE = ("/leave", "/undo", "/skip")
SECONDS = 30


def comparisons(count: int) -> list[Comparison]:
    return [
        Comparison(
            f"secret-comparison-{n}",
            f"secret-prompt-{n}",
            (Turn("user", f"How do I sharpen knife number {n}?"),),
            f"Left reply {n}: use a stone.",
            f"Right reply {n}: bring it to a shop.",
        )
        for n in range(count)
    ]


def lay_down(root: Path, asked: Iterable[Comparison], *, people: int = 1, shared: int = 0) -> Path:
    """The recipe in `root`, whose work folder `work` holds the finished study."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "mine.jsonl").write_text('{"messages": []}\n')
    recipe, work = root / "trial.toml", root / "work"
    recipe.write_text(RECIPE.format(people=people, shared=shared))
    work.mkdir()
    step = next(step for step in plan(STAGES, load(recipe), work) if step.label == "study")
    (step.folder / "sealed").mkdir(parents=True)
    (step.folder / "instructions").mkdir()
    asked = list(asked)
    jsonl.write(step.folder / "comparisons.jsonl", asked)
    jsonl.write(step.folder / "submissions.jsonl", [])
    seals = (Seal(c.id, c.prompt_id, *SYSTEMS[:: 1 if n % 2 else -1]) for n, c in enumerate(asked))
    jsonl.write(step.folder / "sealed" / "key.jsonl", seals)
    for name in ("instructions.md", "instructions/preference.md"):
        (step.folder / name).write_text("Which of the two answers would you rather have?\n")
    hashes = content_hashes(step.folder)
    manifest = Manifest(step.label, 1, step.key, step.plain_params, step.inputs, {}, hashes, environment())
    write_manifest(step.folder, manifest)
    return recipe


class Server:
    """`handful serve study RECIPE` in a process of its own.

    Args:
        people: names to make links for, where they are not there yet.
        env: added to the environment.
    """

    def __init__(
        self, recipe: Path, people: Iterable[str] = (), *, port: int = 0, env: Mapping[str, str] | None = None,
        options: Iterable[str] = (),
    ) -> None:  # fmt: skip
        command = [str(Path(sys.executable).with_name("handful")), "serve", "study", str(recipe)]
        command += ["--work", str(recipe.with_name("work")), "--port", str(port), *options]
        command += [word for name in people for word in ("--annotator", name)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        )
        self.said: list[str] = []
        self.links: dict[str, str] = {}
        """Name, or "researcher" -> path of the link."""
        self.origin = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if found := LINK.match(line):
                self.origin, self.links[found[1]] = found[2], f"/link/{found[3]}"
            if "still wanted" in line or "answers given" in line:
                break
        else:
            self.process.wait(SECONDS)
            self.process.stdout.close()
            raise RuntimeError(f"the server ended: {''.join(self.said)}")
        self._rest = threading.Thread(target=self._read_on, daemon=True)
        self._rest.start()

    def _read_on(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)

    @property
    def port(self) -> int:
        return urlsplit(self.origin).port or 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> str:
        """End it if it runs; all that it said."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(SECONDS)
        self._rest.join(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return "".join(self.said)


class Person:
    """Somebody's browser without script: a cookie, and the page before them."""

    def __init__(self, url: str, cookie: tuple[str, str] | None = None) -> None:
        self.http = httpx2.Client(base_url=url, timeout=SECONDS)
        if cookie:
            self.http.cookies.set(*cookie)
        self.page: httpx2.Response | None = None

    def get(self, path: str = "/") -> httpx2.Response:
        self.page = self.http.get(path, follow_redirects=True)
        return self.page

    def forms(self) -> list[Tag]:
        assert self.page is not None
        return list(BeautifulSoup(self.page.text, "lxml").find_all("form"))

    def form(self, action: str) -> Tag | None:
        return next((form for form in self.forms() if form["action"] == action), None)

    def fields(self, action: str) -> dict[str, str]:
        """The hidden fields of a form of the page."""
        form = self.form(action)
        assert form is not None, f"no form {action} on the page: {self.page.text[-500:] if self.page else ''}"
        return {
            str(tag["name"]): str(tag["value"])
            for tag in form.select("input[type=hidden], input[type=checkbox]")
        }

    def send(self, action: str, **more: str) -> httpx2.Response:
        """Send a form of the page, and go where it leads."""
        self.page = self.http.post(action, data=self.fields(action) | more, follow_redirects=True)
        return self.page

    def enter(self, link: str) -> httpx2.Response:
        """From a link through consent and practice to the first item."""
        self.get(link)
        for _ in range(20):
            if self.form("/answer"):
                break
            ahead = [form for form in self.forms() if form["action"] not in ASIDE]
            if not ahead:
                self.get("/")
                continue
            buttons = {str(tag["name"]): str(tag["value"]) for tag in ahead[0].select("button[name]")}
            self.send(str(ahead[0]["action"]), **buttons)
        assert self.page is not None
        return self.page

    def answer(self, choice: str = "first", reason: str = "") -> httpx2.Response:
        """Answer the item on the page. The reply as it came: 303 once the answer is on the disk."""
        reply = self.http.post("/answer", data=self.fields("/answer") | {"choice": choice, "reason": reason})
        if reply.status_code == 303:
            self.get("/")
        return reply

    def texts(self) -> list[str]:
        """What stands on the page as plain text: the prompt, then the answers."""
        assert self.page is not None
        return [tag.get_text() for tag in BeautifulSoup(self.page.text, "lxml").select(".text")]
