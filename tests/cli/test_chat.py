"""`handful chat` and `handful serve model`, as the commands they are: at a terminal, in a pipe, and interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from openai import OpenAI

from handful.cli.main import cli
from handful.cli.which import model_ref
from handful.core.errors import DataError, HandfulError

HANDFUL = Path(sys.executable).with_name("handful")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "TERM": "dumb"}
ANSI = re.compile(r"\x1b\[[0-9;?]*[a-z]")
FAST = ("--precision", "float32", "--device", "cpu")


@pytest.fixture(scope="module")
def training(tiny_model, tmp_path_factory):
    """A finished training's folder with two checkpoints of a random model, in a work folder."""
    import torch

    from handful.models.layout import add_eot
    from handful.models.load import load_model, load_tokenizer

    model, tokenizer = load_model(str(tiny_model)), load_tokenizer(str(tiny_model))
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.2)
    add_eot(model, tokenizer, "<|eot|>", "mean")
    folder = tmp_path_factory.mktemp("work") / "train-0123"
    for epoch in ("epoch-01", "epoch-02"):
        model.save_pretrained(folder / epoch)
        tokenizer.save_pretrained(folder / epoch)
    (folder / "epoch-03.partial").mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


def handful(*args, text=None):
    """The command in this process: for what it refuses before it answers."""
    return CliRunner().invoke(cli, [str(arg) for arg in args], input=text)


class Terminal:
    """`handful chat` with a person in front of it."""

    def __init__(self, *args):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [HANDFUL, "chat", *map(str, args), *FAST],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=ENVIRONMENT,
            start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        )
        os.close(slave)
        self.shown = ""

    def until(self, pattern, seconds=60):
        """Read until what was shown since the last call matches; that text."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            assert time.monotonic() < end, f"{pattern!r} not in {self.shown!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.shown += ANSI.sub("", os.read(self.master, 65536).decode(errors="replace"))
        found, self.shown = self.shown, ""
        return found

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self.master)


@pytest.fixture
def terminal():
    with contextlib.ExitStack() as stack:

        def start(*args):
            opened = Terminal(*args)
            stack.callback(opened.close)
            return opened

        yield start


# --- which model is meant


def test_a_folder_of_checkpoints_means_its_last_whole_one(training):
    last = str(training / "epoch-02")
    assert model_ref(str(training), Path("work")) == last
    assert model_ref(str(training.parent), Path("work")) == last
    assert model_ref(str(training / "epoch-01"), Path("work")) == str(training / "epoch-01")


def test_a_relative_folder_is_a_folder_and_no_name_of_the_hub(training, monkeypatch):
    monkeypatch.chdir(training.parent)
    assert model_ref("train-0123/epoch-01", Path("work")) == str(training / "epoch-01")


def test_a_name_stays_a_name():
    assert model_ref("gemma3-270m", Path("work")) == "gemma3-270m"
    assert model_ref("HuggingFaceTB/SmolLM2-135M", Path("work")) == "HuggingFaceTB/SmolLM2-135M"


def test_several_trainings_are_named_for_the_person_to_choose(training, tmp_path):
    for name in ("train-a", "train-b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match=r"holds 2 trainings \(train-a, train-b\)"):
        model_ref(str(tmp_path), Path("work"))


def test_a_folder_without_any_model_says_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="neither a model"):
        model_ref(str(tmp_path), Path("work"))
    (tmp_path / "epoch-01.partial").mkdir()
    with pytest.raises(DataError, match="holds no checkpoint"):
        model_ref(str(tmp_path), Path("work"))


def test_a_recipe_means_its_training_once_that_is_done(tmp_path, training, repository):
    recipe = repository / "recipes/demo.toml"
    with pytest.raises(HandfulError, match=r"is not trained yet; run `handful run .*--to train`"):
        model_ref(str(recipe), tmp_path)
    from handful import STAGES, load, plan

    steps = {step.label: step for step in plan(STAGES, load(recipe), tmp_path)}
    steps["train"].folder.symlink_to(training)
    assert model_ref(str(recipe), tmp_path) == str(steps["train"].folder / "epoch-02")
    chosen = steps["choose"].folder
    chosen.mkdir()
    (chosen / "choice.json").write_text('{"epoch": 1}')
    (chosen / "manifest.json").write_text("{}")
    assert model_ref(str(recipe), tmp_path) == str(steps["train"].folder / "epoch-01")


@pytest.mark.parametrize("command", [("chat",), ("serve", "model", "--port", "0")])
def test_a_model_that_is_not_there_is_said_in_one_line(command):
    result = handful(*command, "gemma3-270n", text="Hi")
    assert result.exit_code == 1
    assert "did you mean 'gemma3-270m'?" in result.output
    assert "Traceback" not in result.output


# --- in a pipe


def test_what_is_piped_in_is_one_message_and_only_the_answer_comes_out(training):
    """In this process, which is quicker; its input is no terminal."""
    args, text = ("chat", training, "--max-tokens", 40, *FAST), "How?\n\nTell me\nall of it.\n"
    shown, record = handful(*args, text=text), json.loads(handful(*args, "--json", text=text).stdout)
    assert shown.exit_code == 0
    assert shown.stdout == without_control(record["text"]) + "\n"
    assert record["finish"] == "length"
    assert record["prompt_tokens"] + record["tokens"] == 40
    assert record["exchanges_left_out"] == 0
    assert "cut after" in shown.stderr


def without_control(text):
    """As it may be shown: what a model says can neither move the cursor nor set a title."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no message"),
        (b"\xff", "is not UTF-8 (byte 0)"),
        ("word " * 100, "but the model reads at most 30 of its window of 40"),
    ],
)
def test_input_that_is_no_message_is_said_in_one_line(training, text, said):
    result = handful("chat", training, "--max-tokens", 40, *FAST, text=text)
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


# --- at a terminal


def test_a_conversation(training, terminal):
    """Messages, commands, a message of several lines, Ctrl-C while it answers and at the prompt, and leaving."""
    person = terminal(training, "--max-tokens", 400)
    assert "epoch-02" in person.until("> $")
    person.type("Go on for ever\n")
    person.until(r"ever\r\n.{20}")
    person.type("\x03")
    person.until(r"\(stopped\)\s+> $")
    person.type("/undo\n")
    assert "the last exchange is forgotten" in person.until(r"\n> $")
    person.type("/undo\n")
    assert "there is nothing to undo" in person.until(r"\n> $")
    person.type("/what\n")
    assert "/what: no such command" in person.until(r"\n> $")
    time.sleep(0.5)  # Python misses a signal that comes between readline's prompt and its wait for keys
    person.type("\x03")
    assert "/quit or Ctrl-D to leave" in person.until(r"leave\)\s+> $")
    person.type('"""\nOne\n')
    person.type('Two\n"""\n')
    person.until(r"window is full\)\s+> $")
    person.type("And more\n")
    assert "the first exchange is left out" in person.until(r"left out.*\s+> $")
    person.type("/reset\n")
    assert "the conversation is forgotten" in person.until(r"\n> $")
    person.type("\x04")
    assert person.process.wait(60) == 0


# --- served


@pytest.fixture
def serve():
    processes = []

    def start(*args, **environment):
        process = subprocess.Popen(
            [HANDFUL, "serve", "model", *map(str, args), "--port", "0", *FAST],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**ENVIRONMENT, **environment},
        )
        processes.append(process)
        said = process.stdout.readline()
        found = re.search(r"(\S+) answers at (http://127\.0\.0\.1:\d+/v1)", said)
        assert found, said + process.communicate(timeout=60)[0]
        return process, *found.groups()

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_served_model_answers_until_it_is_interrupted(training, serve):
    process, name, url = serve(training, "--api-key-env", "TRIAL_KEY", "--max-batch", 2, TRIAL_KEY="k1")
    assert name == "epoch-02"
    with OpenAI(base_url=url, api_key="k1", max_retries=0) as client:
        talk = [{"role": "user", "content": "Hi"}]
        whole = client.chat.completions.create(model=name, messages=talk, seed=1, max_tokens=8)
        pieces = client.chat.completions.create(model=name, messages=talk, seed=1, max_tokens=8, stream=True)
        said = "".join(piece.choices[0].delta.content or "" for piece in pieces)
        assert said == whole.choices[0].message.content
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert rest == ""


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--host", "0.0.0.0"), 2, "would let anybody on the network use the model"),
        (("--api-key-env", "NOT_SET_ANYWHERE"), 2, "NOT_SET_ANYWHERE: that variable is not set"),
        (("--top-p", "0"), 2, "--top-p"),
        (("--repetition-penalty", "0"), 2, "--repetition-penalty"),
    ],
)
def test_a_server_that_should_not_start_does_not(training, args, code, said):
    result = handful("serve", "model", training, *args)
    assert result.exit_code == code
    assert said in result.output
