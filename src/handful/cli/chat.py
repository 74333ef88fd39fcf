"""`handful chat`: a conversation with a model in the terminal, and how both it and `serve model` are told to sample.

Typed at a terminal, each line is a message, or the lines between two lines of \"\"\". Piped in, the whole input is one
message, and the answer is all that goes to the standard output. What is said about the answer goes to standard error.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handful.cli.options import JSON, SET, WORK, fail, told
from handful.core.errors import DataError
from handful.core.optional import need
from handful.recipe.systems import Generate

if TYPE_CHECKING:
    from handful.models.sampling import Sampling
    from handful.serving.conversation import Conversation

PAPER = Generate()
FENCE = '"""'
HELP = """\
/reset  forget the conversation     /undo  forget the last exchange     /quit  leave (or Ctrl-D)
Ctrl-C stops an answer. A message of several lines stands between two lines of three quotes (\"\"\")."""

SAMPLING: tuple[Callable[..., Any], ...] = (
    click.option(
        "--temperature",
        type=click.FloatRange(min=0),
        default=PAPER.temperature,
        show_default=True,
        help="0 takes the likeliest token each time.",
    ),
    click.option(
        "--top-p",
        type=click.FloatRange(1e-6, 1),
        default=PAPER.top_p,
        show_default=True,
        help="The share of the probability that is drawn from.",
    ),
    click.option(
        "--repetition-penalty",
        type=click.FloatRange(min=0, min_open=True),
        default=PAPER.repetition_penalty,
        show_default=True,
        help="1 switches it off.",
    ),
    click.option(
        "--penalty-scope",
        type=click.Choice(["output", "all"]),
        default=PAPER.penalty_scope,
        show_default=True,
        help="Whether the prompt's tokens count as repeated.",
    ),
    click.option(
        "--max-tokens",
        type=click.IntRange(min=1),
        default=PAPER.max_tokens,
        show_default=True,
        help="Of conversation and answer together, as the paper counts.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default=PAPER.device,
        show_default=True,
        help="auto takes the GPU where there is one.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default=PAPER.precision,
        show_default=True,
        help="Of the arithmetic. auto takes bfloat16 where it is fast.",
    ),
)


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of SAMPLING, in their order; their defaults are the paper's (Section 4.1)."""
    for option in reversed(SAMPLING):
        command = option(command)
    return command


def sampling_of(given: dict[str, Any]) -> Sampling:
    from handful.models.sampling import Sampling

    names = ("temperature", "top_p", "repetition_penalty", "penalty_scope", "max_tokens")
    return Sampling(**{name: given[name] for name in names}, limit="total")


@click.command()
@click.argument("model")
@WORK
@SET
@sampling_options
@click.option("--seed", default=PAPER.seed, show_default=True, help="Of the sampling.")
@JSON
@told
def chat(model: str, work: Path, overrides: tuple[str, ...], seed: int, as_json: bool, **given: Any) -> None:
    """Talk to MODEL: a checkpoint (work/train-…/epoch-05), or a training's folder or a recipe (its last or
    chosen checkpoint), or a model's name.

    The conversation is laid out as the model was trained: a checkpoint of ours ends every turn with its EOT, another
    model has its own chat template, and one without either continues plain text. When the window is full, the oldest
    exchanges are left out, and it says so.

    A line that you type is a message. /reset, /undo and /quit do what they say, and Ctrl-C stops an answer. Input that
    is piped in is one message, whole. With --json each answer is a line of JSON.
    """
    need("torch", "talking to a model")
    need("transformers", "talking to a model")
    from handful.cli.which import model_ref
    from handful.serving.conversation import Conversation
    from handful.serving.engine import Engine
    from handful.serving.speaker import NOTES, load_speaker

    ref = model_ref(model, work, overrides)
    try:
        speaker = load_speaker(ref, given["device"], given["precision"])
        if NOTES[speaker.style]:
            say(NOTES[speaker.style])
        with Engine(speaker, max_batch=1) as engine:
            conversation = Conversation(engine, sampling_of(given), seed)
            if sys.stdin.isatty():
                say(f"{ref}\n{HELP}")
                talk(conversation, as_json)
            else:
                answer_once(conversation, sys.stdin.buffer.read(), as_json)
    except KeyboardInterrupt:
        fail("interrupted", 130)


def say(note: str) -> None:
    click.secho(note, err=True, dim=True)


def answer_once(conversation: Conversation, raw: bytes, as_json: bool) -> None:
    """Answer all of the standard input as one message."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"standard input: is not UTF-8 (byte {error.start})") from error
    if not text.strip():
        raise DataError("standard input: holds no message")
    show_answer(conversation, text.removesuffix("\n"), as_json)


def talk(conversation: Conversation, as_json: bool) -> None:
    """Ask and answer until the person leaves."""
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # gives `input` its line editing and history
    while True:
        try:
            if not take_turn(conversation, read_message(), as_json):
                return
        except EOFError:
            click.echo("", err=True)
            return
        except KeyboardInterrupt:  # at the prompt, or as an answer was just ending
            say("\n(/quit or Ctrl-D to leave)")
        except DataError as error:
            say(f"error: {error}")


def take_turn(conversation: Conversation, text: str, as_json: bool) -> bool:
    """Obey a command, or answer a message; whether the conversation goes on."""
    if re.fullmatch(r"/[a-z]+\s*", text):
        return obey(conversation, text.strip())
    if text.strip():
        show_answer(conversation, text, as_json)
    return True


def read_message() -> str:
    """A line, or the lines between two fences."""
    line = input("> ")
    if line.strip() != FENCE:
        return line
    lines = []
    while (line := input(". ")).strip() != FENCE:
        lines.append(line)
    return "\n".join(lines)


def obey(conversation: Conversation, command: str) -> bool:
    """Do what a command says; whether the conversation goes on."""
    if command in ("/quit", "/exit"):
        return False
    if command == "/reset":
        conversation.reset()
        say("the conversation is forgotten")
    elif command == "/undo":
        say("the last exchange is forgotten" if conversation.undo() else "there is nothing to undo")
    else:
        say(HELP if command == "/help" else f"{command}: no such command\n{HELP}")
    return True


def show_answer(conversation: Conversation, text: str, as_json: bool) -> None:
    """Ask, and show the answer as it comes, or at its end as JSON. Ctrl-C ends it, and at a terminal only it."""
    from handful.cli.readable import CONTROL

    left_out = conversation.answer.left_out
    stopped = False
    with closing(conversation.ask(text)) as pieces:
        try:
            for piece in pieces:
                if not as_json:
                    click.echo(CONTROL.sub("", piece), nl=False)
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
            stopped = True
    answer = conversation.answer
    if as_json:
        click.echo(json.dumps(record(conversation), ensure_ascii=False))
    elif answer.text and not answer.text.endswith("\n"):
        click.echo("")
    if stopped:
        say("(stopped)")
    if not answer.text and not stopped:
        say("(the answer is empty)")
    if answer.finish == "length":
        most = conversation.sampling.max_tokens
        say(f"(cut after {answer.tokens:,} tokens; with all before, {most:,} at most: the window is full)")
    if answer.left_out > left_out:
        word = "exchange is" if answer.left_out == 1 else f"{answer.left_out} exchanges are"
        say(f"(the window is full: the first {word} left out of what the model reads)")


def record(conversation: Conversation) -> dict[str, Any]:
    """What is known of the last answer. `finish` is as in responses.jsonl, or "interrupted"."""
    answer = conversation.answer
    return {
        "text": answer.text,
        "finish": answer.finish or "interrupted",
        "tokens": answer.tokens,
        "prompt_tokens": answer.prompt_tokens,
        "exchanges_left_out": answer.left_out,
    }
