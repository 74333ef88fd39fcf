"""A random model with our layout, as a checkpoint on the disk, loaded, and behind a real server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import uvicorn
from openai import OpenAI

from handful.models.layout import add_eot
from handful.models.load import load_model, load_tokenizer
from handful.models.sampling import Sampling
from handful.serving.api import create_app
from handful.serving.engine import Engine
from handful.serving.speaker import Speaker, load_speaker
from handful.web.serve import listen, server_of

EOT = "<|eot|>"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The random Llama after `add_eot`, its weights spread so that it says different things and comes to an end."""
    model, tokenizer = load_model(str(tiny_model)), load_tokenizer(str(tiny_model))
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.3 if "embed" in name else 0.15)
    eot_id = add_eot(model, tokenizer, EOT, "mean")
    with torch.no_grad():
        model.get_input_embeddings().weight[eot_id] = model.get_input_embeddings().weight[100] * 1.05
    folder = tmp_path_factory.mktemp("training") / "epoch-03"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def speaker(checkpoint: Path) -> Speaker:
    return load_speaker(str(checkpoint), "cpu", "float32")


@pytest.fixture(scope="session")
def paper() -> Sampling:
    return Sampling(
        temperature=0.7,
        top_p=0.9,
        repetition_penalty=1.2,
        penalty_scope="output",
        max_tokens=2048,
        limit="total",
    )


class Site:
    """A served model: its engine, its address, and a client of OpenAI's."""

    def __init__(self, engine: Engine, port: int) -> None:
        self.engine = engine
        self.url = f"http://127.0.0.1:{port}"
        self.client = OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, timeout=60)

    def chat(self, text: str = "How do I keep a starter alive?", **options: Any) -> Any:
        """A chat completion, streamed or whole."""
        options = {"model": "tiny", "max_tokens": 24, "seed": 1, **options}
        return self.client.chat.completions.create(messages=[{"role": "user", "content": text}], **options)


@pytest.fixture(scope="module")
def serve(speaker: Speaker, paper: Sampling) -> Iterator[Callable[..., Site]]:
    """Serve a speaker from this process, on a socket; the site."""
    with contextlib.ExitStack() as stack:

        def start(chosen: Speaker = speaker, max_batch: int = 4, **options: Any) -> Site:
            listener = listen("127.0.0.1", 0)
            engine = stack.enter_context(Engine(chosen, max_batch))
            server: uvicorn.Server = server_of(create_app(engine, "tiny", paper, **options))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            site = Site(engine, listener.getsockname()[1])
            stack.callback(site.client.close)
            return site

        yield start


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve()
