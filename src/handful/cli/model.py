"""`handful serve model`: a model that answers programs over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from handful.cli.address import HOST, LOOPBACK, LOOPBACK_HOSTS, PORT
from handful.cli.chat import sampling_of, sampling_options
from handful.cli.options import SET, WORK, told
from handful.core.errors import RecipeError
from handful.core.optional import need


@click.command()
@click.argument("model")
@WORK
@SET
@HOST
@PORT
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
        hosts = LOOPBACK_HOSTS if host in LOOPBACK else ("*",)
        shown_host = f"[{host}]" if ":" in host else host
        with Engine(speaker, max_batch) as engine:
            app = create_app(engine, name, sampling_of(given), key, hosts)
            address = f"http://{shown_host}:{listener.getsockname()[1]}/v1"
            run_app(app, listener, f"{name} answers at {address} (stop with Ctrl-C)")


def key_of(variable: str | None) -> str:
    """The key that clients must send; "" where none is asked for."""
    if variable is None:
        return ""
    key = os.environ.get(variable, "")
    if not key:
        raise RecipeError(f"--api-key-env {variable}: that variable is not set, or empty")
    return key
