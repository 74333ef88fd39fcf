"""Commands that serve: `serve study` asks people in their browser, `serve model` answers programs."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handful.cli.chat import sampling_of, sampling_options
from handful.cli.options import RECIPE, SET, WORK, told
from handful.core.errors import HandfulError, RecipeError
from handful.core.optional import need

if TYPE_CHECKING:
    from handful.annotate.ledger import Ledger
    from handful.annotate.pairs import Study
    from handful.recipe.schema import Recipe

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.group()
def serve() -> None:
    """Serve people or programs: `serve study` asks people which answer is better, `serve model` answers over HTTP."""


@serve.command()
@RECIPE
@WORK
@SET
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one."
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Let other machines in. The page speaks plain HTTP: put it behind a proxy that adds TLS "
    "(nginx, Caddy), or else names and answers cross the network readable. Needed behind such a proxy too.",
)
@told
def study(
    recipe: Path, work: Path, overrides: tuple[str, ...], host: str, port: int, allow_remote: bool
) -> None:
    """Ask people: serve the comparisons of RECIPE's study, which `handful run RECIPE --to study` makes.

    Answers go into people.sqlite in the work folder, each on the disk before the next pair is shown. Stop with
    Ctrl-C and start again at any time; `handful run RECIPE` goes on once enough answers are there.
    """
    need("fastapi", "the page for people")
    need("uvicorn", "the page for people")
    if host not in LOOPBACK and not allow_remote:
        raise RecipeError(
            f"--host {host}: would let other machines in over plain HTTP. Keep 127.0.0.1 behind a proxy that adds "
            "TLS (or an SSH tunnel: ssh -L 8000:127.0.0.1:8000 THIS_MACHINE); if that is settled, add --allow-remote"
        )
    from handful import load
    from handful.annotate.ledger import Ledger
    from handful.annotate.work import LEDGER
    from handful.web.app import create_app
    from handful.web.serve import listen, run_app

    loaded = load(recipe, overrides)
    people = loaded.annotate.people
    if not people:
        raise RecipeError(
            f"{recipe}: asks for no people, so nothing would read their answers; "
            "say under [annotate] how many should judge each comparison: people = 1"
        )
    refuse_if_closed(recipe, loaded, work)
    found = made_study(recipe, loaded, work)
    hosts = ("*",) if allow_remote else ("127.0.0.1", "localhost", "[::1]")
    with listen(host, port) as listener, closing(Ledger(work / LEDGER)) as ledger:
        app = create_app(found, ledger, people=people, seed=loaded.study.seed, hosts=hosts)
        shown_host = f"[{host}]" if ":" in host else host
        click.echo(f"people answer at http://{shown_host}:{listener.getsockname()[1]}/ (stop with Ctrl-C)")
        click.echo(still_wanted(found, ledger, people, recipe))
        run_app(app, listener)
        click.echo(still_wanted(found, ledger, people, recipe))


@serve.command()
@click.argument("model")
@WORK
@SET
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one."
)
@click.option("--name", help="What clients call the model.  [default: its folder's name, or its own]")
@click.option(
    "--api-key-env", metavar="VARIABLE", help="The environment variable that holds the key clients must send."
)
@click.option(
    "--max-batch", type=click.IntRange(min=1), default=16, show_default=True, help="Answers at a time."
)
@click.option("--allow-remote", is_flag=True, help="Let other machines in without a key.")
@sampling_options
@told
def model(
    model: str,
    work: Path,
    overrides: tuple[str, ...],
    host: str,
    port: int,
    name: str | None,
    api_key_env: str | None,
    max_batch: int,
    allow_remote: bool,
    **given: Any,
) -> None:
    """Answer programs: MODEL over HTTP, in OpenAI's protocol (chat and text completions, streamed or whole).

    MODEL is a checkpoint, a training's folder or a recipe (its last checkpoint), or a model's name. What a request
    does not say is sampled as the options here do; their defaults are the paper's, repetition penalty included.
    Requests that come together are answered together. See docs/serving.md.
    """
    for library in ("torch", "transformers", "fastapi", "uvicorn"):
        need(library, "serving a model")
    key = key_of(api_key_env)
    if host not in LOOPBACK and not key and not allow_remote:
        raise RecipeError(
            f"--host {host}: would let anybody on the network use the model; say which variable holds a key with "
            "--api-key-env, or add --allow-remote. It is plain HTTP: put a proxy that adds TLS in front"
        )
    from handful.cli.which import model_ref
    from handful.serving.api import create_app
    from handful.serving.engine import Engine
    from handful.serving.speaker import NOTES, load_speaker
    from handful.web.serve import listen, run_app

    ref = model_ref(model, work, overrides)
    name = name or (Path(ref).name if Path(ref).is_absolute() else ref)
    with listen(host, port) as listener:
        speaker = load_speaker(ref, given["device"], given["precision"])
        if NOTES[speaker.style]:
            click.echo(NOTES[speaker.style])
        hosts = ("127.0.0.1", "localhost", "[::1]") if host in LOOPBACK else ("*",)
        shown_host = f"[{host}]" if ":" in host else host
        with Engine(speaker, max_batch) as engine:
            app = create_app(engine, name, sampling_of(given), key, hosts)
            click.echo(
                f"{name} answers at http://{shown_host}:{listener.getsockname()[1]}/v1 (stop with Ctrl-C)"
            )
            run_app(app, listener)


def key_of(variable: str | None) -> str:
    """The key that clients must send; "" where none is asked for."""
    if variable is None:
        return ""
    key = os.environ.get(variable, "")
    if not key:
        raise RecipeError(f"--api-key-env {variable}: that variable is not set, or empty")
    return key


def refuse_if_closed(recipe: Path, loaded: Recipe, work: Path) -> None:
    """Once `run` has taken the verdicts over, a change of mind would reach neither the folder nor the report."""
    from handful import STAGES, plan

    for step in plan(STAGES, loaded, work):
        if step.label == "annotate" and step.done:
            raise HandfulError(
                f"{step.folder}: this study is closed: `run` has taken its verdicts over. To open it again, "
                f"remove that folder (the verdicts themselves are kept in {work / 'people.sqlite'})"
            )


def made_study(recipe: Path, loaded: Recipe, work: Path) -> Study:
    """The finished study of a recipe.

    Raises:
        HandfulError: it is not made yet, differs from its manifest, or holds no comparison.
    """
    from handful import STAGES, plan
    from handful.annotate.work import read_study
    from handful.run.keys import Hashes
    from handful.run.store import check_whole

    step = next((step for step in plan(STAGES, loaded, work) if step.label == "study"), None)
    if step is None:
        raise RecipeError(f"{recipe}: has no study: it ends before one, for want of a [train] table")
    if not step.done:
        raise HandfulError(
            f"{step.folder}: the study isn't made yet; run `handful run {recipe} --work {work} --to study` first"
        )
    check_whole(step.folder, Hashes(work / "hashes.json"))
    found = read_study(step.folder)
    if not found.comparisons:
        raise HandfulError(
            f"{step.folder}: the study holds no comparisons: no prompt has answers by two systems"
        )
    return found


def still_wanted(found: Study, ledger: Ledger, people: int, recipe: Path) -> str:
    """How far the people are and what to type when they are done."""
    from handful.annotate.pairs import given_of_wanted

    given, wanted = given_of_wanted(found, ledger.entries(), people)
    if given < wanted:
        return f"{given} of {wanted} verdicts given, {wanted - given} still wanted"
    return f"all {wanted} verdicts given; go on with: handful run {recipe}"
