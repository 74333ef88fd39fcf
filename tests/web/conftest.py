"""A made study, the app over it, the real command, and a real browser."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from handful import STAGES, load, plan
from handful.annotate.board import Board
from handful.annotate.items import read_study
from handful.annotate.ledger import open_ledger
from handful.core import jsonl
from handful.core.types import Comparison, Seal, Submission, Turn
from handful.recipe.evaluation import Annotate
from handful.run.environment import environment
from handful.run.store import Manifest, content_hashes, write_manifest
from handful.study.work import instructions
from handful.web.app import create_app
from handful.web.serve import listen, server_of

SETTLED_MS = 320
"""A page ignores answers in its first moments: nobody has read it yet."""
SYSTEMS = ("lima-tuned", "gpt-baseline")
INSTRUCTIONS = (
    "# Which?\n\nImagine you asked this question yourself.\n\nWhich serves you better? Ignore <length>."
)
CONSENT = "We store **your answers** and a pseudonym."
RECIPE = """
name = "trial"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
[train]
model = "gemma3-270m"
[generate.systems.lima-tuned]
kind = "checkpoint"
[generate.systems.gpt-baseline]
kind = "base"
[annotate]
people = 1
"""


@dataclass(frozen=True)
class Given:
    """What a study holds, before it is a folder."""

    comparisons: tuple[Comparison, ...] = ()
    instructions: str = INSTRUCTIONS
    submissions: tuple[Submission, ...] = ()
    tasks: tuple[str, ...] = field(default=("preference",))

    def write(self, folder):
        (folder / "instructions").mkdir(parents=True, exist_ok=True)
        jsonl.write(folder / "comparisons.jsonl", self.comparisons)
        jsonl.write(folder / "submissions.jsonl", self.submissions)
        (folder / "instructions.md").write_text(self.instructions)
        for task in self.tasks:
            text = self.instructions if task == "preference" else instructions(task)
            (folder / "instructions" / f"{task}.md").write_text(text)


def comparisons(count):
    return tuple(
        Comparison(
            f"c{n}",
            f"mine/{n}",
            (Turn("user", f"How do I sharpen knife number {n}?"),),
            f"Left reply {n}: use a stone.\n\n- soak it\n- keep the angle",
            f"Right reply {n}: bring it to a shop.\n\n    and wait",
        )
        for n in range(count)
    )


@pytest.fixture
def study():
    return Given(comparisons(6))


@pytest.fixture(scope="session")
def blank_ledger(tmp_path_factory):
    """An empty ledger, made once: migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("ledger") / "people.sqlite"
    open_ledger(path).close()
    return path


@pytest.fixture
def ledger(tmp_path, blank_ledger):
    shutil.copy(blank_ledger, tmp_path / "people.sqlite")
    opened = open_ledger(tmp_path / "people.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def make_app(study, ledger, tmp_path):
    """An app over a study; options are those of [annotate], and `practice`, `checks` of the board."""
    made = []

    def make(given=study, *, practice=(), checks=(), secure=False, **params):
        folder = tmp_path / f"study-{len(made)}"
        given.write(folder)
        settings = Annotate(**{"people": 1, "shared": 0} | params)
        board = Board(read_study(folder), ledger, settings, practice=practice, checks=checks)
        made.append(create_app(board, ledger, consent=CONSENT, reasons=settings.reasons, secure=secure))
        return made[-1]

    return make


@pytest.fixture
def invite(ledger):
    """A person's link, as its path: a new one each time, which ends the older ones."""

    def link(name="ann", group=""):
        if name not in {person.name for person in ledger.people()}:
            ledger.add_person(name, group)
        return "/link/" + ledger.new_token("person", name)

    return link


def form_of(page, action):
    """The hidden fields of the form that posts to `action`."""
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page.text, re.S).group()
    return {
        name: unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


def start(client):
    """From the link on: agree, and begin with the task before the person."""
    client.post("/consent", data={**form_of(client.get("/"), "/consent"), "agreed": "yes"})
    return client.post("/begin", data=form_of(client.get("/"), "/begin"))


def answer(client, choice="first", **changes):
    form = form_of(client.get("/"), "/answer")
    return client.post("/answer", data={**form, "choice": choice, **changes})


def undo(client):
    return client.post("/undo", data=form_of(client.get("/"), "/undo"))


def skip(client, reason="offensive", **changes):
    return client.post("/skip", data={**form_of(client.get("/"), "/skip"), "reason": reason, **changes})


def texts(page):
    """The characters of the question and of both answers."""
    found = re.findall(r'<div class="text plain" dir="auto">(.*?)</div>', page.text, re.S)
    return [unescape(text) for text in found]


def standing(ledger):
    return [said for said in ledger.answers() if said.choice is not None]


def choices(ledger):
    return [said.choice for said in standing(ledger)]


@pytest.fixture
def make_client(make_app, invite):
    """Somebody's browser without script: a stranger's, or `name`'s, who has come to the first item."""
    with contextlib.ExitStack() as stack:

        def make(app=None, name="", started=True):
            client = TestClient(app or make_app(), base_url="http://127.0.0.1", raise_server_exceptions=True)
            stack.enter_context(client)
            if name:
                client.get(invite(name))
                if started:
                    start(client)
            return client

        yield make


@pytest.fixture
def made(tmp_path):
    """Make a recipe whose study is done; returns (recipe, work folder, study folder)."""

    def make(study):
        root = tmp_path / "trial"
        root.mkdir()
        (root / "mine.jsonl").write_text('{"messages": []}\n')
        recipe, work = root / "trial.toml", root / "work"
        recipe.write_text(RECIPE)
        work.mkdir()
        steps = {step.label: step for step in plan(STAGES, load(recipe), work)}
        step = steps["study"]
        (step.folder / "sealed").mkdir(parents=True)
        study.write(step.folder)
        jsonl.write(
            step.folder / "sealed" / "key.jsonl",
            (Seal(c.id, c.prompt_id, *SYSTEMS) for c in study.comparisons),
        )
        finish(step)
        for (
            label
        ) in step.inputs:  # `annotate` asks that they are there, and reads them for live dialogues alone
            steps[label].folder.mkdir()
            finish(steps[label])
        return recipe, work, step.folder

    return make


def finish(step):
    """The manifest that `run` would leave in a folder."""
    files = content_hashes(step.folder)
    made = Manifest(step.label, 1, step.key, step.plain_params, step.inputs, {}, files, environment())
    write_manifest(step.folder, made)


class Server:
    """`handful serve study` in a process of its own."""

    def __init__(self, recipe: Path, work: Path, *more: str, port: int = 0) -> None:
        command = [
            Path(sys.executable).with_name("handful"),
            "serve",
            "study",
            recipe,
            "--work",
            work,
            "--port",
            str(port),
            *more,
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.said = []
        while not self.said or ("answers given" not in self.said[-1] and self.said[-1]):
            self.said.append(self.process.stdout.readline())
        address = re.search(r"http://127\.0\.0\.1:(\d+)", "".join(self.said))
        assert address, "".join(self.said) + self.process.communicate(timeout=20)[0]
        self.url, self.port = address.group(), int(address.group(1))

    def link(self, name: str = "researcher") -> str:
        """The link that was printed for `name`."""
        return re.search(rf"^{name}: (http\S+/link/\S+)$", "".join(self.said), re.M).group(1)

    def stop(self, signal: int) -> str:
        """What it says last. Its exit code is in `process.returncode`."""
        self.process.send_signal(signal)
        return self.process.communicate(timeout=20)[0]


@pytest.fixture
def serve():
    servers = []

    def start(*args, **options):
        servers.append(Server(*args, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


@pytest.fixture
def site(make_app):
    """Serve a study from this process, which is quicker; returns the address."""
    with contextlib.ExitStack() as stack:

        def start(*args, **options):
            listener = listen("127.0.0.1", 0)
            server = server_of(make_app(*args, **options))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


@pytest.fixture
def new_page(browser):
    """A page of a browser profile of its own, which fails the test on any error that its console shows."""
    contexts, problems = [], []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on(
            "console", lambda line: problems.append(line.text) if line.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.problems = problems
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def enter(site, invite):
    """Follow a person's link to the first item; returns the link."""

    def come(page, url=None, name="ann"):
        link = (url or site()) + invite(name)
        page.goto(link)
        if page.get_by_label("I have read this").count():
            page.get_by_label("I have read this").check()
            page.get_by_role("button", name="Go on").click()
        page.get_by_role("button", name=re.compile("Start|Practise first")).click()
        page.locator("main.task").wait_for()
        return link

    return come


def press(page, key):
    """Press a key once the page listens, and wait for the next item."""
    page.wait_for_timeout(SETTLED_MS)
    before = mark(page)
    page.keyboard.press(key)
    page.wait_for_function("before => document.querySelector('main')?.dataset.mark !== before", arg=before)


def mark(page):
    return page.evaluate("document.querySelector('main')?.dataset.mark ?? null")


def answers_on(page):
    return page.locator(".answer .text.plain").all_text_contents()


def until(page, condition):
    """Wait until `condition()` holds on the server's side."""
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("did not come true")
