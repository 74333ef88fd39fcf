"""A made study with hostile text in it, the app over it, the real command, and a real browser."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from starlette.testclient import TestClient

from handful import STAGES, load, plan
from handful.annotate.ledger import Ledger
from handful.annotate.pairs import Study
from handful.core import jsonl
from handful.core.types import Comparison, Seal, Turn
from handful.run.environment import environment
from handful.run.store import Manifest, content_hashes, write_manifest
from handful.web.app import create_app
from handful.web.serve import listen, server_of

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SYSTEMS = ("lima-tuned", "gpt-baseline")
INSTRUCTIONS = (
    "Imagine you asked this question yourself.\n\nWhich answer satisfies your needs better? Ignore <length>."
)
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
    return Study(comparisons(6), INSTRUCTIONS)


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger(tmp_path / "people.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def make_app(study, ledger):
    return lambda chosen=study, **options: create_app(chosen, ledger, **options)


@pytest.fixture
def make_client(make_app):
    with contextlib.ExitStack() as stack:

        def make(app=None):
            client = TestClient(app or make_app(), base_url="http://127.0.0.1", raise_server_exceptions=True)
            return stack.enter_context(client)

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
        step = next(step for step in plan(STAGES, load(recipe), work) if step.label == "study")
        (step.folder / "sealed").mkdir(parents=True)
        jsonl.write(step.folder / "comparisons.jsonl", study.comparisons)
        jsonl.write(
            step.folder / "sealed" / "key.jsonl",
            (Seal(c.id, c.prompt_id, *SYSTEMS) for c in study.comparisons),
        )
        (step.folder / "instructions.md").write_text(study.instructions)
        manifest = Manifest(
            step.label,
            1,
            step.key,
            step.plain_params,
            step.inputs,
            {},
            content_hashes(step.folder),
            environment(),
        )
        write_manifest(step.folder, manifest)
        return recipe, work, step.folder

    return make


class Server:
    """`handful serve study` in a process of its own."""

    def __init__(self, recipe: Path, work: Path, port: int = 0) -> None:
        command = [
            Path(sys.executable).with_name("handful"),
            "serve",
            "study",
            recipe,
            "--work",
            work,
            "--port",
            str(port),
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.said = [self.process.stdout.readline(), self.process.stdout.readline()]
        address = re.search(r"http://127\.0\.0\.1:(\d+)", self.said[0])
        assert address, self.said[0] + self.process.communicate(timeout=20)[0]
        self.url, self.port = address.group(), int(address.group(1))

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


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium")
    assert chromium, "these tests need a real browser: `make test` installs it (apt-get install chromium)"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield opened
        opened.close()


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
