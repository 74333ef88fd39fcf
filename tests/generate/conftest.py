"""A small data set, two tiny checkpoints, and a real server that speaks the OpenAI chat protocol."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from handful.core import jsonl
from handful.core.types import Example, Origin, Prompt, Turn

ORIGIN = Origin("authored", "", "made for the tests")
QUESTIONS = [
    "How do I keep a sourdough starter alive?",
    "Why is the sky blue at noon and red at dusk?",
    "Name three uses of a brick.",
    "What would you pack for a week in the mountains, and why? List ten things, with a reason for each.",
    "Write a limerick.",
]


def prompt(number: int) -> Prompt:
    return Prompt(f"p{number}", (Turn("user", QUESTIONS[number]),), ORIGIN)


def example(number: int) -> Example:
    answer = f"Answer number {number}. Feed it and keep it warm."
    return Example(f"e{number}", (Turn("user", QUESTIONS[number]), Turn("assistant", answer)), ORIGIN)


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    jsonl.write(folder / "test.jsonl", map(prompt, range(5)))
    jsonl.write(folder / "dev.jsonl", map(example, range(3)))
    jsonl.write(folder / "train.jsonl", map(example, range(5)))
    return folder


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A folder as `train` leaves it: two epochs of a tiny random model that knows the end-of-turn token."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from handful.models.layout import add_eot

    torch.set_num_threads(1)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<bos>", "<eos>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(QUESTIONS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>"
    )
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    folder = tmp_path_factory.mktemp("train")
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.15)
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    add_eot(model, tokenizer, "<|eot|>")
    for epoch in (1, 2):
        with torch.no_grad():
            model.model.embed_tokens.weight += 0.05 * torch.randn_like(model.model.embed_tokens.weight)
        model.save_pretrained(folder / f"epoch-{epoch:02d}")
        tokenizer.save_pretrained(folder / f"epoch-{epoch:02d}")
    return folder


class ChatServer(ThreadingHTTPServer):
    """Answers "You asked: …". `script` holds what to do with the first requests instead, in their order.

    A number is a status to refuse with; a pair is (status, Retry-After); "hang" keeps silent.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[object] = []
        self.refuse: str | None = None
        self.requests: list[dict[str, object]] = []
        self.keys: list[str | None] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(body)
            self.server.keys.append(self.headers.get("Authorization"))
            step = self.server.script.pop(0) if self.server.script else None
        question = body["messages"][-1]["content"]
        if step == "hang":
            self.server.closing.wait(20)
            return
        if self.server.refuse and self.server.refuse in question:
            step = 400
        if step is not None:
            status, wait = step if isinstance(step, tuple) else (step, None)
            self.send(status, {"error": {"message": f"refused with {status}"}}, wait)
            return
        message = {"role": "assistant", "content": f" You asked: {question}\n"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 10}
        self.send(
            200, {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
        )

    def send(self, status: int, body: object, retry_after: object = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def server():
    with ChatServer() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield serving
        serving.closing.set()
        serving.shutdown()
        thread.join()
